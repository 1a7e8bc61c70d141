//! In-memory databases that were used and are empty again.
//!
//! A simulation opens thousands of databases that live for some milliseconds each. Creating the tables and preparing the
//! statements would cost more than all that is done with them; emptying the tables costs a tenth of it.

use std::sync::{Arc, LazyLock, Mutex as StdMutex, MutexGuard, PoisonError};

use tokio::sync::Mutex;

use crate::{config::SqliteConfig, writer::Writer};

/// How many databases are kept: two for each of the threads of a large machine.
const KEPT_MAX: usize = 64;

/// A database that grew beyond this many pages (8 MiB) is not kept, so that memory does not stay with it.
const PAGES_MAX: i64 = 2_048;

type Kept = Vec<(SqliteConfig, Arc<Mutex<Writer>>)>;

static KEPT: LazyLock<StdMutex<Kept>> = LazyLock::new(StdMutex::default);

fn kept() -> MutexGuard<'static, Kept> {
    // A push or a removal is never half done, so a panic elsewhere while it was held does no harm.
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An empty database with these settings, if one is kept.
pub(crate) fn take(config: &SqliteConfig) -> Option<Arc<Mutex<Writer>>> {
    let mut kept = kept();
    let place = kept.iter().rposition(|(settings, _)| settings == config)?;
    Some(kept.swap_remove(place).1)
}

/// Keeps the database of a store that was dropped, if it can be emptied without a trace.
///
/// One whose connection was ever lent is let go: nobody knows what tables, settings and functions its user has added.
pub(crate) fn give(config: &SqliteConfig, writer: &Arc<Mutex<Writer>>) {
    // The caller's and nobody's else: no transaction is open, and nobody waits for one.
    if Arc::strong_count(writer) > 1 {
        return;
    }
    let Ok(unused) = writer.try_lock() else { return };
    let emptied = !unused.was_lent() && empty(&unused).is_ok_and(|pages| pages <= PAGES_MAX);
    drop(unused);
    let mut kept = kept();
    if emptied && kept.len() < KEPT_MAX {
        kept.push((config.clone(), Arc::clone(writer)));
    }
}

/// Deletes all rows, and what SQLite remembers of their numbers. Returns the size of the database in pages.
fn empty(writer: &Writer) -> Result<i64, rusqlite::Error> {
    const TABLES: [&str; 10] = [
        "DELETE FROM seaworthy_documents",
        "DELETE FROM seaworthy_outbox",
        "DELETE FROM seaworthy_inbox",
        "DELETE FROM seaworthy_watermarks",
        "DELETE FROM seaworthy_dead_letters",
        "DELETE FROM seaworthy_sagas",
        "DELETE FROM seaworthy_saga_log",
        "DELETE FROM seaworthy_operations",
        "DELETE FROM seaworthy_checkpoints",
        "DELETE FROM sqlite_sequence",
    ];
    writer.begin()?;
    for table in TABLES {
        writer.connection().prepare_cached(table)?.execute([])?;
    }
    if writer.commit().is_err() {
        return Ok(i64::MAX);
    }
    writer.connection().prepare_cached("PRAGMA page_count")?.query_row([], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use crate::files::open_memory;

    use super::*;

    /// Settings that no other test of this process uses, so that nobody takes the database in between.
    fn settings(of: u32) -> SqliteConfig {
        SqliteConfig { cache_kib: 5_000 + of, ..SqliteConfig::simulation() }
    }

    fn rows(connection: &Connection) -> i64 {
        let tables: Vec<String> = connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'seaworthy_schema'")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(tables.len(), 10, "a new table has to be emptied, too: {tables:?}");
        let count = |table: &String| -> i64 {
            connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
        };
        tables.iter().map(count).sum()
    }

    fn stage(writer: &Writer) {
        writer.begin().unwrap();
        writer
            .connection()
            .execute_batch(
                "INSERT INTO seaworthy_checkpoints VALUES ('c', 1);
                 INSERT INTO seaworthy_outbox (id, aggregatetype, aggregateid, type, payload, source, time,
                                               content_type, partition_key, correlation_id, head)
                 VALUES ('1', 't', 's', 'k', x'00', 'o', 0, 'c', 'k', 'x', 1)",
            )
            .unwrap();
        writer.commit().unwrap();
    }

    #[test]
    fn a_database_that_is_used_again_is_empty_and_numbers_its_rows_from_the_start() {
        let first = open_memory(settings(1)).unwrap();
        let writer = Arc::as_ptr(&first.writer);
        stage(&first.writer.try_lock().unwrap());
        drop(first);
        let again = open_memory(settings(1)).unwrap();
        assert_eq!(Arc::as_ptr(&again.writer), writer, "it is the same database");
        let used = again.writer.try_lock().unwrap();
        assert_eq!(rows(used.connection()), 0);
        stage(&used);
        let sequence: i64 =
            used.connection().query_row("SELECT sequence FROM seaworthy_outbox", [], |row| row.get(0)).unwrap();
        assert_eq!(sequence, 1);
    }

    #[test]
    fn a_database_that_was_lent_or_is_in_use_is_not_used_again() {
        let lent = open_memory(settings(2)).unwrap();
        lent.writer.try_lock().unwrap().connection_mut();
        drop(lent);
        let in_use = open_memory(settings(2)).unwrap();
        let transaction = Arc::clone(&in_use.writer).try_lock_owned().unwrap();
        drop(in_use);
        assert!(take(&settings(2)).is_none());
        drop(transaction);
        assert!(take(&settings(2)).is_none());
    }
}
