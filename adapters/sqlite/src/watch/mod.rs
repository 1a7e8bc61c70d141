//! Changes of transactions in tables of the user's own, for whoever judges a simulation.
//!
//! Each watched table gets temporary triggers that copy its rows, old and new, into a temporary log, and the transaction
//! empties the log before it commits. Triggers, and neither hooks nor a comparison at commit:
//!
//! - The pre-update hook needs SQLite's bindings to be generated when this crate is built, and with that a libclang on
//!   every machine. It also goes on to tell what a savepoint or a failing statement has undone.
//! - The update hook sees no table without a rowid, no row that `REPLACE` removes, and no `DELETE` of a whole table.
//! - A comparison of whole tables costs as much as they hold, at every commit.
//!
//! A temporary log is rolled back with the statement, savepoint or transaction that wrote it, so what it holds at the
//! end is what has changed. It lives in the connection's own `temp` schema: the database's schema stays as it is. Rows
//! that `UPDATE OR REPLACE` removes, and those of a table that is dropped, are not told.

mod log;

use std::mem;

use rusqlite::Connection;
use seaworthy_core::ports::RowChange;
use smol_str::SmolStr;

use log::Log;

/// The watched tables of one connection.
pub(crate) struct Watch {
    logs: Vec<Log>,
    /// The version of the database's schema for which all triggers are in place.
    schema: Option<i64>,
    /// `true` if triggers were made in a transaction that is not known to have been committed.
    is_fresh: bool,
    /// SQLite's count of changed rows after the last look: as long as it stands, no log has grown.
    changes: u64,
    /// `true` if the logs and triggers are those of an earlier use of the database.
    is_kept: bool,
    /// `true` if the rows that are there have to be told as new, as they are when logs are made.
    begins: bool,
}

impl Watch {
    pub(crate) fn new(tables: &[SmolStr]) -> Self {
        let logs = tables.iter().enumerate().map(|(number, table)| Log::new(number, table)).collect();
        Self { logs, schema: None, is_fresh: false, changes: 0, is_kept: false, begins: false }
    }

    /// Returns `true` if these are the watched tables.
    pub(crate) fn is_of(&self, tables: &[SmolStr]) -> bool {
        self.logs.iter().map(Log::table).eq(tables)
    }

    /// Returns `true` if all logs and triggers are in place for this version of the schema.
    pub(crate) fn is_in_place(&self, schema: i64) -> bool {
        self.schema == Some(schema)
    }

    /// Goes on with the logs and triggers that are in place as if they were to be made.
    pub(crate) fn begin_again(&mut self) {
        (self.is_kept, self.begins, self.is_fresh) = (true, true, false);
    }

    /// Returns the changes of the open transaction since it was asked last. `settled` says whether the transaction of
    /// that time was committed, and `undone` whether one was rolled back since.
    ///
    /// A table that has come into being since counts as filled by this transaction: its rows are told as new.
    pub(crate) fn changes(
        &mut self,
        connection: &Connection,
        undone: bool,
        settled: bool,
    ) -> rusqlite::Result<Vec<RowChange>> {
        self.is_fresh &= !settled;
        if undone && self.is_fresh {
            if self.is_kept {
                // What was copied into the logs has gone with it.
                self.begins = true;
            } else {
                // The triggers may have gone with it.
                self.schema = None;
                self.logs.iter_mut().for_each(Log::forget);
            }
        }
        let schema = || connection.prepare_cached("PRAGMA main.schema_version")?.query_row([], |row| row.get(0));
        if mem::take(&mut self.begins) {
            self.begin(connection, schema()?)?;
        }
        let mut told = Vec::new();
        self.empty(connection, &mut told)?;
        let schema = schema()?;
        if self.schema != Some(schema) {
            self.is_fresh = false;
            self.is_kept = false;
            for log in &mut self.logs {
                self.is_fresh |= log.attach(connection)?;
            }
            self.schema = Some(schema);
            // A log that was not in place a moment ago was not looked at.
            self.changes = u64::MAX;
            self.empty(connection, &mut told)?;
        }
        Ok(told)
    }

    /// Does to logs that are kept what making them would do.
    fn begin(&mut self, connection: &Connection, schema: i64) -> rusqlite::Result<()> {
        let is_in_place = self.is_in_place(schema);
        for log in &mut self.logs {
            if is_in_place {
                log.begin(connection)?;
            } else {
                // Somebody has changed tables meanwhile.
                log.remove(connection)?;
            }
        }
        (self.is_fresh, self.is_kept, self.changes) = (true, is_in_place, u64::MAX);
        if !is_in_place {
            self.schema = None;
        }
        Ok(())
    }

    fn empty(&mut self, connection: &Connection, told: &mut Vec<RowChange>) -> rusqlite::Result<()> {
        if self.changes != connection.total_changes() {
            for log in &self.logs {
                log.empty(connection, told)?;
            }
            self.changes = connection.total_changes();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
