//! The tables, and how a file comes to have them.

use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior};

use crate::error::OpenError;

/// Each entry takes the schema one version further. Entries are appended, never changed: files out there have run them.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/0001.sql"),
    include_str!("schema/0002.sql"),
    include_str!("schema/0003.sql"),
    include_str!("schema/0004.sql"),
    include_str!("schema/0005.sql"),
    include_str!("schema/0006.sql"),
    include_str!("schema/0007.sql"),
    include_str!("schema/0008.sql"),
    include_str!("schema/0009.sql"),
    include_str!("schema/0010.sql"),
    include_str!("schema/0011.sql"),
    include_str!("schema/0012.sql"),
    include_str!("schema/0013.sql"),
    include_str!("schema/0014.sql"),
    include_str!("schema/0015.sql"),
];

/// Brings a database to this program's schema, all of it or nothing.
///
/// The version lives in a table of its own, since `user_version` belongs to the user whose tables share the file.
pub(crate) fn migrate(connection: &mut Connection, path: &str) -> Result<(), OpenError> {
    migrate_by(MIGRATIONS, connection, path)
}

/// Looks whether a database has this program's schema, and changes nothing. An older one passes where it `may_be_older`.
pub(crate) fn check(connection: &Connection, path: &str, may_be_older: bool) -> Result<(), OpenError> {
    let known = MIGRATIONS.len() as i64;
    let path = path.to_owned();
    match version(connection) {
        Ok(None) => Err(OpenError::NotAStore { path }),
        Ok(Some(found)) if found > known => Err(OpenError::NewerSchema { path, found, known }),
        Ok(Some(found)) if found < known && !may_be_older => Err(OpenError::OlderSchema { path, found, known }),
        Ok(Some(_)) => Ok(()),
        Err(failure) if failure.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            Err(OpenError::NotAStore { path })
        }
        Err(source) => Err(OpenError::Sqlite { path, doing: "reading the schema version of", source }),
    }
}

fn migrate_by(migrations: &[&str], connection: &mut Connection, path: &str) -> Result<(), OpenError> {
    let known = migrations.len() as i64;
    let failed = |doing| move |source| OpenError::Sqlite { path: path.to_owned(), doing, source };
    let reading = "reading the schema version of";
    // Whoever opens a file that is up to date waits for nobody who writes to it.
    if version(connection).map_err(failed(reading))? == Some(known) {
        return Ok(());
    }
    // Immediate: of two processes that open a new file at once, the second waits and finds the tables.
    let tx = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed("locking for migration of"))?;
    tx.execute_batch("CREATE TABLE IF NOT EXISTS seaworthy_schema (version INTEGER NOT NULL) STRICT")
        .map_err(failed("creating the schema version in"))?;
    let found = version(&tx).map_err(failed(reading))?;
    let from = found.unwrap_or(0);
    if from > known {
        return Err(OpenError::NewerSchema { path: path.to_owned(), found: from, known });
    }
    for step in migrations.iter().skip(usize::try_from(from).unwrap_or(0)) {
        tx.execute_batch(step).map_err(failed("migrating"))?;
    }
    if from < known {
        let write = if found.is_some() {
            "UPDATE seaworthy_schema SET version = ?1"
        } else {
            "INSERT INTO seaworthy_schema (version) VALUES (?1)"
        };
        tx.execute(write, [known]).map_err(failed("writing the schema version of"))?;
    }
    tx.commit().map_err(failed("committing the migration of"))
}

/// The schema version of a database, if it ever had one.
fn version(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    let is_there = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'seaworthy_schema')";
    if !connection.query_row(is_there, [], |row| row.get(0))? {
        return Ok(None);
    }
    connection.query_row("SELECT version FROM seaworthy_schema", [], |row| row.get(0)).optional()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "CREATE TABLE box (id INTEGER PRIMARY KEY); INSERT INTO box VALUES (1)";
    const SECOND: &str = "ALTER TABLE box ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey'";
    const THIRD: &str = "UPDATE box SET colour = colour || '!'";

    fn colours(connection: &Connection) -> rusqlite::Result<Vec<String>> {
        connection.prepare("SELECT colour FROM box ORDER BY id")?.query_map([], |row| row.get(0))?.collect()
    }

    #[test]
    fn an_older_file_runs_the_migrations_that_it_lacks_and_keeps_its_rows() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_by(&[FIRST], &mut connection, "db").unwrap();
        connection.execute("INSERT INTO box VALUES (2)", []).unwrap();
        migrate_by(&[FIRST, SECOND, THIRD], &mut connection, "db").unwrap();
        assert_eq!(
            (version(&connection).unwrap(), colours(&connection).unwrap()),
            (Some(3), vec!["grey!".into(), "grey!".into()])
        );
        migrate_by(&[FIRST, SECOND, THIRD], &mut connection, "db").unwrap();
        assert_eq!(colours(&connection).unwrap(), ["grey!", "grey!"], "each runs once");
    }

    #[test]
    fn a_migration_that_fails_leaves_the_file_at_its_version() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_by(&[FIRST], &mut connection, "db").unwrap();
        let broken = "INSERT INTO missing VALUES (1)";
        let refused = migrate_by(&[FIRST, SECOND, broken], &mut connection, "db").unwrap_err();
        assert!(refused.to_string().contains("migrating db: no such table"), "{refused}");
        assert_eq!(version(&connection).unwrap(), Some(1));
        assert!(colours(&connection).is_err(), "the migration before it was rolled back, too");
        migrate_by(&[FIRST, SECOND], &mut connection, "db").unwrap();
        assert_eq!(colours(&connection).unwrap(), ["grey"]);
    }

    #[test]
    fn a_file_of_a_newer_program_is_refused_by_an_older_one() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_by(&[FIRST, SECOND], &mut connection, "db").unwrap();
        let refused = migrate_by(&[FIRST], &mut connection, "db").unwrap_err();
        assert!(matches!(refused, OpenError::NewerSchema { found: 2, known: 1, .. }), "{refused}");
        assert_eq!((version(&connection).unwrap(), colours(&connection).unwrap()), (Some(2), vec!["grey".into()]));
    }
}
