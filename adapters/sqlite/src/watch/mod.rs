//! What transactions change in tables of the user's own, for whoever judges a simulation.
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

mod definition;
mod log;

use rusqlite::Connection;
use seaworthy_core::ports::RowChange;
use smol_str::SmolStr;

use log::Log;

/// The watched tables of one connection.
pub(crate) struct Watch {
    logs: Vec<Log>,
    /// The version of the database's schema for which all triggers are in place.
    schema: Option<i64>,
    /// Whether triggers were made in a transaction that is not known to have been committed.
    is_fresh: bool,
    /// SQLite's count of changed rows after the last look: as long as it stands, no log has grown.
    changes: u64,
}

impl Watch {
    pub(crate) fn new(tables: &[SmolStr]) -> Self {
        let logs = tables.iter().enumerate().map(|(number, table)| Log::new(number, table)).collect();
        Self { logs, schema: None, is_fresh: false, changes: 0 }
    }

    /// What the open transaction has changed since it was asked last. `undone` says whether a transaction was rolled back
    /// since.
    ///
    /// A table that has come into being since counts as filled by this transaction: its rows are told as new.
    pub(crate) fn changes(&mut self, connection: &Connection, undone: bool) -> rusqlite::Result<Vec<RowChange>> {
        if undone && self.is_fresh {
            // The triggers may have gone with it.
            self.schema = None;
            self.logs.iter_mut().for_each(Log::forget);
        }
        let mut told = Vec::new();
        self.empty(connection, &mut told)?;
        let schema = connection.prepare_cached("PRAGMA main.schema_version")?.query_row([], |row| row.get(0))?;
        if self.schema != Some(schema) {
            self.is_fresh = false;
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
