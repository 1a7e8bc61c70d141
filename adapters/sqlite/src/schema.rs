//! The tables, and how a file comes to have them.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::error::OpenError;

/// Each entry takes the schema one version further. Entries are appended, never changed: files out there have run them.
const MIGRATIONS: &[&str] = &[include_str!("schema/0001.sql")];

/// The schema version of this program.
pub(crate) const VERSION: i64 = MIGRATIONS.len() as i64;

/// Brings a database to this program's schema, all of it or nothing.
///
/// The version lives in a table of its own, since `user_version` belongs to the user whose tables share the file.
pub(crate) fn migrate(connection: &mut Connection, path: &str) -> Result<(), OpenError> {
    let failed = |doing| move |source| OpenError::Sqlite { path: path.to_owned(), doing, source };
    // Immediate: of two processes that open a new file at once, the second waits and finds the tables.
    let tx = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed("locking for migration of"))?;
    tx.execute_batch("CREATE TABLE IF NOT EXISTS seaworthy_schema (version INTEGER NOT NULL) STRICT")
        .map_err(failed("creating the schema version in"))?;
    let found: Option<i64> = tx
        .query_row("SELECT version FROM seaworthy_schema", [], |row| row.get(0))
        .optional()
        .map_err(failed("reading the schema version of"))?;
    let from = found.unwrap_or(0);
    if from > VERSION {
        return Err(OpenError::NewerSchema { path: path.to_owned(), found: from, known: VERSION });
    }
    for step in MIGRATIONS.iter().skip(usize::try_from(from).unwrap_or(0)) {
        tx.execute_batch(step).map_err(failed("migrating"))?;
    }
    if from < VERSION {
        let write = if found.is_some() {
            "UPDATE seaworthy_schema SET version = ?1"
        } else {
            "INSERT INTO seaworthy_schema (version) VALUES (?1)"
        };
        tx.execute(write, [VERSION]).map_err(failed("writing the schema version of"))?;
    }
    tx.commit().map_err(failed("committing the migration of"))
}
