//! Contents of a database when it is opened, and their restoration.

use rusqlite::{Connection, params_from_iter, types::Value};

use crate::composed;

/// A database that begins with more rows than this is not used again: to fill it anew would cost what it saves.
const ROWS_MAX: usize = 1_000;

/// The rows of all tables of a database.
#[derive(Default)]
pub(crate) struct Contents {
    /// Statements that empty the tables, the latest table first, since rows refer to rows of earlier tables.
    emptying: Vec<String>,
    /// The rows, by the statement that inserts one, the earliest table first.
    rows: Vec<(String, Vec<Vec<Value>>)>,
    /// Rows of `sqlite_sequence`, in which SQLite remembers the last row numbers.
    sequences: Vec<Vec<Value>>,
    /// `true` if deleting and inserting rows brings it back: no trigger and no virtual table makes more of that.
    is_plain: bool,
}

const SEQUENCE: &str = "INSERT INTO sqlite_sequence (rowid, name, seq) VALUES (?1, ?2, ?3)";

impl Contents {
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let count = |sql: &str| -> rusqlite::Result<i64> { connection.query_row(sql, [], |row| row.get(0)) };
        // The store's own trigger does nothing that its emptied tables would show.
        let triggers =
            "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND name NOT LIKE 'seaworthy!_%' ESCAPE '!'";
        let virtual_tables = "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND type = 'virtual'";
        let mut found = Self { is_plain: count(triggers)? + count(virtual_tables)? == 0, ..Self::default() };
        let mut tables = connection.prepare(
            "SELECT s.name, l.wr FROM sqlite_schema AS s JOIN pragma_table_list AS l ON l.name = s.name
             WHERE s.type = 'table' AND l.schema = 'main' AND l.type = 'table'
               AND s.name NOT LIKE 'sqlite!_%' ESCAPE '!' AND s.name <> 'seaworthy_schema'
             ORDER BY s.rowid",
        )?;
        let tables = tables.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        for (table, without_rowid) in tables.collect::<rusqlite::Result<Vec<(String, bool)>>>()? {
            found.table(connection, &table, without_rowid)?;
        }
        found.emptying.reverse();
        found.sequences = all(connection, "SELECT rowid, name, seq FROM sqlite_sequence", 3)?;
        found.is_plain &= found.rows.iter().map(|(_, rows)| rows.len()).sum::<usize>() <= ROWS_MAX;
        Ok(found)
    }

    fn table(&mut self, connection: &Connection, table: &str, without_rowid: bool) -> rusqlite::Result<()> {
        self.emptying.push(composed::emptying_table(table));
        // Generated columns are hidden, and are not written.
        let mut columns = connection.prepare("SELECT name FROM pragma_table_xinfo(?1, 'main') WHERE hidden = 0")?;
        let columns = columns.query_map([table], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
        let is_free = |name: &&str| !columns.iter().any(|column| column.eq_ignore_ascii_case(name));
        let rowid = ["rowid", "_rowid_", "oid"].into_iter().find(|name| !without_rowid && is_free(name));
        self.is_plain &= without_rowid || rowid.is_some();
        let (select, insert) = composed::rows(table, &columns, rowid);
        let rows = all(connection, &select, columns.len() + usize::from(rowid.is_some()))?;
        if !rows.is_empty() {
            self.rows.push((insert, rows));
        }
        Ok(())
    }

    /// Returns `true` if [`Contents::restore`] brings back all that was there.
    pub(crate) fn can_be_restored(&self) -> bool {
        self.is_plain
    }

    /// Puts the rows of the beginning in place of those that are there, in the open transaction.
    pub(crate) fn restore(&self, connection: &Connection) -> rusqlite::Result<()> {
        for emptying in &self.emptying {
            connection.prepare_cached(emptying)?.execute([])?;
        }
        for (insert, rows) in &self.rows {
            let mut insert = connection.prepare_cached(insert)?;
            for row in rows {
                insert.execute(params_from_iter(row))?;
            }
        }
        connection.prepare_cached("DELETE FROM sqlite_sequence")?.execute([])?;
        for row in &self.sequences {
            connection.prepare_cached(SEQUENCE)?.execute(params_from_iter(row))?;
        }
        Ok(())
    }
}

/// Has SQLite say that nothing was inserted and nothing changed so far, in the open transaction.
pub(crate) fn forget_last(connection: &Connection) -> rusqlite::Result<()> {
    // There is no statement that sets these, but a row with the number 0 that comes and goes leaves them so.
    connection.prepare_cached(SEQUENCE)?.execute((0, "", 0))?;
    let mut delete = connection.prepare_cached("DELETE FROM sqlite_sequence WHERE rowid = 0")?;
    delete.execute([])?;
    delete.execute([]).map(drop)
}

fn all(connection: &Connection, sql: &str, columns: usize) -> rusqlite::Result<Vec<Vec<Value>>> {
    let mut query = connection.prepare(sql)?;
    query.query_map([], |row| (0..columns).map(|column| row.get(column)).collect())?.collect()
}
