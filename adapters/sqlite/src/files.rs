//! Connections: opened once for each file of this process.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex as StdMutex, PoisonError, Weak},
};

use rusqlite::{Connection, OpenFlags};
use seaworthy_core::ports::{OneWriter, Timestamp};
use tokio::sync::Mutex;

use crate::{
    config::SqliteConfig,
    epoch::Epochs,
    error::{OpenError, is_busy},
    in_memory::Origin,
    latest::Latest,
    pragmas, recycled, schema,
    writer::Writer,
};

/// State that all handles of one database share.
pub(crate) struct Shared {
    /// The permit to write, and what to write with. Fair: tasks get it in the order in which they asked.
    pub(crate) writer: OneWriter<Writer>,
    /// Reads outside transactions, beside the writer. An in-memory database has none: it is one connection.
    pub(crate) reader: Option<Mutex<Connection>>,
    pub(crate) config: SqliteConfig,
    /// The lives of the store that its messages tell of.
    pub(crate) epochs: Arc<Epochs>,
    /// The latest time of a file; a database in memory is never opened again.
    pub(crate) latest: Option<Arc<Latest>>,
}

/// The files that are open in this process. Two writers of one file in one process would wait for each other on the
/// same thread; with one, tasks queue for it.
static OPEN: LazyLock<StdMutex<BTreeMap<PathBuf, Weak<Shared>>>> = LazyLock::new(StdMutex::default);

/// Changes that may be made to a file so that it can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum May {
    /// It is created where it is missing, and migrated.
    Create,
    /// It is migrated where it is a store's.
    Migrate,
    Nothing,
}

/// Opens a file, or joins the handles that have it open.
/// `now` is the time of the clock by which its store judges.
pub(crate) fn open_file(path: &Path, config: SqliteConfig, may: May, now: Timestamp) -> Result<Arc<Shared>, OpenError> {
    config.check()?;
    let name = path.display().to_string();
    if may != May::Create && !path.exists() {
        return Err(OpenError::Missing { path: name });
    }
    let resolved = resolve(path).map_err(|source| OpenError::Path { path: name.clone(), source })?;
    // The map is only ever changed by the line that inserts, so it is whole even if a holder has panicked.
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(shared) = open.get(&resolved).and_then(Weak::upgrade) {
        return if shared.config == config { Ok(shared) } else { Err(OpenError::OtherSettings { path: name }) };
    }
    if may != May::Create {
        look(&resolved, &name, &config, may)?;
    }
    let mut writer = connect(&resolved, &name, &config)?;
    let failed = |doing| {
        let path = name.clone();
        move |source| OpenError::Sqlite { path, doing, source }
    };
    let mode = switch_to_write_ahead_log(&writer).map_err(failed("switching to a write-ahead log"))?;
    if mode != "wal" {
        return Err(OpenError::NoWriteAheadLog { path: name, mode });
    }
    schema::migrate(&mut writer, &name)?;
    let epochs = Epochs::read(&writer).map_err(failed("reading the epochs of"))?;
    // A tool's clock says nothing of the time of the services that work on the file.
    let latest = if may == May::Create { Latest::open(&mut writer, now, &name) } else { Latest::look(&writer) };
    let latest = Some(Arc::new(latest.map_err(failed("reading the latest time of"))?));
    // From here on the wait for another process is on the clock port, which blocks no thread.
    writer.busy_timeout(std::time::Duration::ZERO).map_err(failed("setting the busy timeout of"))?;
    let reader = connect(&resolved, &name, &config)?;
    reader.pragma_update(None, "query_only", true).map_err(failed("setting up the reader of"))?;
    reader.set_prepared_statement_cache_capacity(32);
    let shared = Arc::new(Shared {
        writer: OneWriter::new(Arc::new(Mutex::new(Writer::new(writer))), config.writer_wait, config.writer_warning),
        reader: Some(Mutex::new(reader)),
        config,
        epochs: Arc::new(epochs),
        latest,
    });
    open.retain(|_, handle| handle.strong_count() > 0);
    open.insert(resolved, Arc::downgrade(&shared));
    Ok(shared)
}

/// Opens a database that lives as long as its handles.
pub(crate) fn open_memory(config: SqliteConfig, tables: &str, epochs: Epochs) -> Result<Arc<Shared>, OpenError> {
    config.check()?;
    let writer = match recycled::take(&config, tables) {
        Some(writer) => writer,
        None => {
            let origin = Origin { config: config.clone(), tables: tables.into() };
            Arc::new(Mutex::new(Writer::in_memory(origin)?))
        }
    };
    let writer = OneWriter::new(writer, config.writer_wait, config.writer_warning);
    Ok(Arc::new(Shared { writer, reader: None, config, epochs: Arc::new(epochs), latest: None }))
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Without a reader it is a database in memory.
        if self.reader.is_none() {
            recycled::give(self.writer.writer());
        }
    }
}

/// The path under which a file is known, however it was spelt. The file itself need not be there yet.
fn resolve(path: &Path) -> std::io::Result<PathBuf> {
    if let Ok(resolved) = path.canonicalize() {
        return Ok(resolved);
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.canonicalize()?,
        _ => std::env::current_dir()?,
    };
    match path.file_name() {
        Some(file) => Ok(folder.join(file)),
        None => Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "the path names no file")),
    }
}

/// Looks at a file through a connection that changes nothing of it, not even its journal mode.
fn look(path: &Path, name: &str, config: &SqliteConfig, may: May) -> Result<(), OpenError> {
    let failed = |source| OpenError::Sqlite { path: name.to_owned(), doing: "opening", source };
    // Read and write, since nobody else may have opened it since it was closed: its log would need recovery.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(config.busy_timeout).map_err(failed)?;
    schema::check(&connection, name, may == May::Migrate)
}

fn connect(path: &Path, name: &str, config: &SqliteConfig) -> Result<Connection, OpenError> {
    let failed = |source| OpenError::Sqlite { path: name.to_owned(), doing: "opening", source };
    take_up(Connection::open(path).map_err(failed)?, name, config)
}

/// Makes a connection to a file ready for use.
fn take_up(connection: Connection, name: &str, config: &SqliteConfig) -> Result<Connection, OpenError> {
    let failed = |source| OpenError::Sqlite { path: name.to_owned(), doing: "setting up", source };
    // SQLite opens a file all the same that it may only read, and would refuse each write as long as the service runs.
    if connection.is_readonly("main").map_err(failed)? {
        return Err(OpenError::ReadOnly { path: name.to_owned() });
    }
    pragmas::set(&connection, config).map_err(failed)?;
    Ok(connection)
}

/// Number of times that the switch is tried again, each time after a wait for whoever was in the way. Of several processes
/// that open a new file only one has to succeed, so this is far more than ever come in between.
const SWITCHES_MAX: u32 = 100;

/// Returns the journal mode that the file is in afterwards.
///
/// The switch reads before it writes, so SQLite does not wait for a lock in it: two that waited so would wait for each
/// other. What waits is a transaction that begins with the lock; afterwards the other has switched, or stepped aside.
fn switch_to_write_ahead_log(connection: &Connection) -> rusqlite::Result<String> {
    let switch = || connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0));
    for _ in 0..SWITCHES_MAX {
        let outcome = switch();
        if !outcome.as_ref().is_err_and(is_busy) {
            return outcome;
        }
        connection.execute_batch("BEGIN EXCLUSIVE; ROLLBACK")?;
    }
    switch()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Forty files, since only some are met in the middle of a switch; without the wait a run of forty never passes.
    #[test]
    fn several_that_switch_a_new_file_at_once_wait_for_each_other() {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..40 {
            let path = folder.path().join(round.to_string());
            let together = std::sync::Barrier::new(4);
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        let connection = connect(&path, "db", &SqliteConfig::default()).unwrap();
                        together.wait();
                        assert_eq!(switch_to_write_ahead_log(&connection).unwrap(), "wal");
                    });
                }
            });
        }
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a thread holds a lock while it waits, as another process would")]
    fn one_that_writes_while_another_switches_the_file_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let other = Connection::open(&path).unwrap();
        other.execute_batch("CREATE TABLE t (x); BEGIN IMMEDIATE").unwrap();
        let connection = connect(&path, "db", &SqliteConfig::default()).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                std::thread::sleep(std::time::Duration::from_millis(50));
                other.execute_batch("COMMIT").unwrap();
            });
            assert_eq!(switch_to_write_ahead_log(&connection).unwrap(), "wal");
        });
    }

    /// It may well be a store's: who is told otherwise would make a new one in its place.
    #[test]
    fn a_file_that_can_not_be_read_for_now_is_not_taken_for_another_programs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let other = Connection::open(&path).unwrap();
        other.execute_batch("CREATE TABLE t (x); BEGIN EXCLUSIVE").unwrap();
        let config = SqliteConfig::default().busy_timeout(std::time::Duration::from_millis(20));
        let refused = open_file(&path, config.clone(), May::Nothing, Timestamp::EPOCH).err().unwrap();
        assert!(matches!(refused, OpenError::Sqlite { doing: "reading the schema version of", .. }), "{refused}");
        other.execute_batch("COMMIT").unwrap();
        let refused = open_file(&path, config, May::Nothing, Timestamp::EPOCH).err().unwrap();
        assert!(matches!(refused, OpenError::NotAStore { .. }), "{refused}");
    }

    /// Permissions would not do here: they don't bind the superuser. SQLite falls back to this flag without them.
    #[test]
    fn a_file_that_can_only_be_read_is_refused_when_it_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        drop(open_file(&path, SqliteConfig::default(), May::Create, Timestamp::EPOCH).unwrap());
        let for_reading = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let refused = take_up(for_reading, "db", &SqliteConfig::default()).unwrap_err();
        assert!(matches!(refused, OpenError::ReadOnly { .. }), "{refused}");
    }

    #[test]
    fn a_reader_that_goes_on_reading_is_waited_for_as_long_as_the_busy_timeout_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let other = Connection::open(&path).unwrap();
        other.execute_batch("CREATE TABLE t (x); BEGIN; SELECT * FROM t").unwrap();
        let config = SqliteConfig::default().busy_timeout(std::time::Duration::from_millis(20));
        let refused = open_file(&path, config.clone(), May::Create, Timestamp::EPOCH).err().unwrap();
        assert!(refused.to_string().contains("database is locked"), "{refused}");
        other.execute_batch("COMMIT").unwrap();
        assert!(open_file(&path, config, May::Create, Timestamp::EPOCH).is_ok());
    }
}
