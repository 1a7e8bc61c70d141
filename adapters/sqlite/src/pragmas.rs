//! Settings of each connection.

use rusqlite::{Connection, config::DbConfig};

use crate::config::{SqliteConfig, Synchronous};

pub(crate) fn set(connection: &Connection, config: &SqliteConfig) -> rusqlite::Result<()> {
    connection.busy_timeout(config.busy_timeout)?;
    // Plans depend on the statement alone. Otherwise SQLite plans a statement on a partial index anew each time it is
    // bound, which costs more than running it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "synchronous", config.synchronous.pragma())?;
    // On macOS a plain fsync leaves data in the drive's cache; elsewhere this does nothing.
    connection.pragma_update(None, "fullfsync", config.synchronous == Synchronous::Full)?;
    connection.pragma_update(None, "wal_autocheckpoint", config.checkpoint_pages)?;
    // A negative size is in KiB rather than in pages.
    connection.pragma_update(None, "cache_size", -i64::from(config.cache_kib))?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // A log that grew in a rush shrinks again at the next checkpoint.
    connection.pragma_update(None, "journal_size_limit", 64 * 1_024 * 1_024)
}
