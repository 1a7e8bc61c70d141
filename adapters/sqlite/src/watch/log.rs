use std::{collections::BTreeSet, mem, sync::Arc};

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, types::ValueRef};
use seaworthy_core::ports::{Cell, RowChange};
use smol_str::{SmolStr, format_smolstr};

use crate::composed;

/// The log of one watched table.
pub(super) struct Log {
    table: SmolStr,
    /// Its own name.
    name: SmolStr,
    /// The table's columns; none as long as the log is not in place.
    columns: Arc<[SmolStr]>,
    /// Sets of columns of which no two rows may be equal.
    unique: Vec<Vec<usize>>,
    read: String,
    clear: String,
}

type Cells = Arc<[Cell]>;

impl Log {
    pub(super) fn new(number: usize, table: &SmolStr) -> Self {
        let name = format_smolstr!("seaworthy_watched_{number}");
        let (read, clear) = (composed::reading(&name), composed::emptying(&name));
        Self { table: table.clone(), name, columns: Arc::from([]), unique: Vec::new(), read, clear }
    }

    /// The table that is watched.
    pub(super) fn table(&self) -> &SmolStr {
        &self.table
    }

    /// Takes the log and its triggers away.
    pub(super) fn remove(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if !self.columns.is_empty() {
            connection.execute_batch(&composed::removal(&self.name))?;
        }
        self.forget();
        Ok(())
    }

    /// Puts all rows of the table into the log that is in place, in place of what it holds.
    pub(super) fn begin(&self, connection: &Connection) -> rusqlite::Result<()> {
        if self.columns.is_empty() {
            return Ok(());
        }
        connection.prepare_cached(&self.clear)?.execute([])?;
        connection.prepare_cached(&composed::beginning(&self.name, &self.table, &self.columns))?.execute([]).map(drop)
    }

    /// Takes the log to be no more in place, until [`Log::attach`] has looked.
    pub(super) fn forget(&mut self) {
        self.columns = Arc::from([]);
    }

    /// Sees to it that the log is in place, if the table is there. Says whether anything had to be made.
    pub(super) fn attach(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        let columns = list(connection, "SELECT name FROM pragma_table_info(?1, 'main') ORDER BY cid", &self.table)?;
        if columns.is_empty() {
            self.forget();
            return Ok(false);
        }
        let logged: Vec<SmolStr> = ["n", "what"].into_iter().map(SmolStr::from).chain(sides(&columns)).collect();
        let found = list(connection, "SELECT name FROM pragma_table_info(?1, 'temp')", &self.name)?;
        let is_logged = found == logged;
        // The triggers of a table are gone with it, also if another one of its name was made since.
        let is_triggered = connection
            .prepare_cached("SELECT 1 FROM sqlite_temp_schema WHERE type = 'trigger' AND name = ?1")?
            .query_row([composed::trigger(&self.name, "insert").as_str()], |_| Ok(()))
            .optional()?
            .is_some();
        self.unique = unique(connection, &self.table, &columns)?;
        self.columns = columns.into();
        if is_logged && is_triggered {
            return Ok(false);
        }
        if !found.is_empty() {
            connection.execute_batch(&composed::removal(&self.name))?;
        }
        let new = composed::log_and_triggers(&self.name, &self.table, &self.columns, &self.unique, !is_triggered);
        connection.execute_batch(&new)?;
        Ok(true)
    }

    /// Takes what is in the log.
    pub(super) fn empty(&self, connection: &Connection, told: &mut Vec<RowChange>) -> rusqlite::Result<()> {
        if self.columns.is_empty() {
            return Ok(());
        }
        let mut in_the_way: Vec<Cells> = Vec::new();
        let mut query = connection.prepare_cached(&self.read)?;
        let mut rows = query.query([])?;
        let mut is_empty = true;
        while let Some(row) = rows.next()? {
            is_empty = false;
            let old = |row| cells(row, 2, self.columns.len());
            let new = |row| cells(row, 2 + self.columns.len(), self.columns.len());
            match row.get_ref(1)?.as_str()? {
                "insert" => {
                    let new = new(row)?;
                    // No two rows of such a key can be: whatever was in the way of this one is no more.
                    for replaced in mem::take(&mut in_the_way).into_iter().filter(|old| self.exclude(old, &new)) {
                        told.push(self.change(Some(replaced), None));
                    }
                    told.push(self.change(None, Some(new)));
                }
                "update" => {
                    let old = old(row)?;
                    in_the_way.retain(|other| *other != old);
                    told.push(self.change(Some(old), Some(new(row)?)));
                }
                "delete" => {
                    let old = old(row)?;
                    in_the_way.retain(|other| *other != old);
                    told.push(self.change(Some(old), None));
                }
                _ => {
                    let old = old(row)?;
                    if !in_the_way.contains(&old) {
                        in_the_way.push(old);
                    }
                }
            }
        }
        if !is_empty {
            connection.prepare_cached(&self.clear)?.execute([])?;
        }
        Ok(())
    }

    fn change(&self, before: Option<Cells>, after: Option<Cells>) -> RowChange {
        RowChange { table: self.table.clone(), columns: self.columns.clone(), before, after }
    }

    /// Returns `true` if the table can't hold both rows at once.
    fn exclude(&self, one: &[Cell], other: &[Cell]) -> bool {
        let is_equal = |column: &usize| one[*column] == other[*column] && one[*column] != Cell::Null;
        self.unique.iter().any(|key| key.iter().all(is_equal))
    }
}

/// The columns of a log: all old values, and then all new ones.
fn sides(columns: &[SmolStr]) -> impl Iterator<Item = SmolStr> {
    ["old", "new"].into_iter().flat_map(|which| columns.iter().map(move |column| format_smolstr!("{which} {column}")))
}

fn list(connection: &Connection, sql: &str, of: &str) -> rusqlite::Result<Vec<SmolStr>> {
    let mut query = connection.prepare_cached(sql)?;
    let names = query.query_map([of], |row| Ok(SmolStr::from(row.get_ref(0)?.as_str()?)))?;
    names.collect()
}

/// The sets of columns of which no two rows may be equal: the primary key, and what has a unique index over columns.
fn unique(connection: &Connection, table: &str, columns: &[SmolStr]) -> rusqlite::Result<Vec<Vec<usize>>> {
    let places = |names: Vec<SmolStr>| -> Vec<usize> {
        names.iter().filter_map(|name| columns.iter().position(|column| column == name)).collect()
    };
    let mut found = BTreeSet::new();
    let primary = "SELECT name FROM pragma_table_info(?1, 'main') WHERE pk > 0 ORDER BY pk";
    found.insert(places(list(connection, primary, table)?));
    let indexes = "SELECT name FROM pragma_index_list(?1, 'main') WHERE \"unique\" = 1 AND partial = 0";
    for index in list(connection, indexes, table)? {
        // An index over an expression has a part without a name: what it forbids is not seen.
        let parts = "SELECT coalesce(name, '') FROM pragma_index_info(?1, 'main') ORDER BY seqno";
        let parts = list(connection, parts, &index)?;
        if parts.iter().all(|part| !part.is_empty()) {
            found.insert(places(parts));
        }
    }
    Ok(found.into_iter().filter(|key| !key.is_empty()).collect())
}

fn cells(row: &Row<'_>, from: usize, count: usize) -> rusqlite::Result<Cells> {
    (from..from + count).map(|column| Ok(cell(row.get_ref(column)?))).collect()
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(value) => Cell::Integer(value),
        ValueRef::Real(value) => Cell::Real(value),
        ValueRef::Text(text) => Cell::Text(SmolStr::from(String::from_utf8_lossy(text))),
        ValueRef::Blob(value) => Cell::Blob(Bytes::copy_from_slice(value)),
    }
}
