//! Mapping of SQLite's errors to store errors: applied, not applied, or nobody knows.

use rusqlite::{
    Error,
    ffi::{self, ErrorCode},
};
use seaworthy_core::{ports::StoreError, settings::InvalidSetting};
use smol_str::{SmolStr, format_smolstr};

/// Error of opening a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file was written by a later version of this crate.
    #[error(
        "{path} has schema version {found}, this program knows {known}: deploy a newer program, or restore a copy of the file"
    )]
    NewerSchema {
        /// Path of the database file.
        path: String,
        /// Schema version of the file.
        found: i64,
        /// The latest version that this program knows.
        known: i64,
    },
    /// The file was written by an earlier version of this crate, and was not to be migrated.
    #[error(
        "{path} has schema version {found}, this program knows {known}: start a service of this release, which migrates it"
    )]
    OlderSchema {
        /// Path of the database file.
        path: String,
        /// Schema version of the file.
        found: i64,
        /// The version that this program works with.
        known: i64,
    },
    /// There is no file, and none was to be created.
    #[error("{path} can't be opened: there is no such file")]
    Missing {
        /// Path of the database file.
        path: String,
    },
    /// The file is none of a store, and was not to be made one.
    #[error("{path} is no database of seaworthy: it has no `seaworthy_schema`")]
    NotAStore {
        /// Path of the database file.
        path: String,
    },
    /// A setting by which nothing would work.
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
    /// This process has the file open with other settings. All its handles share one writer, so they must agree.
    #[error("{path} is open in this process with other settings: clone that store, or open both with equal settings")]
    OtherSettings {
        /// Path of the database file.
        path: String,
    },
    /// The file system offers no write-ahead log, as some network file systems do not.
    #[error("{path} can't use a write-ahead log (journal mode stays {mode}): put the file on a local file system")]
    NoWriteAheadLog {
        /// Path of the database file.
        path: String,
        /// The journal mode that SQLite stays in.
        mode: String,
    },
    /// The file is there and can only be read, as one of another user or on a disk that is mounted for reading.
    #[error("{path} can't be written to: give this user the right to write to the file and to its folder")]
    ReadOnly {
        /// Path of the database file.
        path: String,
    },
    /// SQLite reported an error.
    #[error("{doing} {path}: {source}")]
    Sqlite {
        /// Path of the database file.
        path: String,
        /// Step that failed.
        doing: &'static str,
        /// SQLite's own error.
        source: Error,
    },
    /// The path can't be resolved.
    #[error("resolving {path}: {source}")]
    Path {
        /// Path that was given.
        path: String,
        /// The operating system's error.
        source: std::io::Error,
    },
}

/// Maps an error of a statement inside a transaction: a transaction that drops out of its work with it is rolled back,
/// so it was not applied. `doing` says which statement.
///
/// For statements of your own on the transaction's connection; the store's own are mapped by it, too.
pub fn in_statement(doing: &str, error: &Error) -> StoreError {
    let text = text(doing, error);
    let Error::SqliteFailure(failure, _) = error else { return StoreError::Refused(text) };
    match (failure.code, failure.extended_code) {
        // Another connection wrote after this one's snapshot: fresh state helps, waiting does not.
        (_, ffi::SQLITE_BUSY_SNAPSHOT) => StoreError::Conflict(text),
        (_, ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID) => {
            StoreError::Conflict(text)
        }
        (
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::OutOfMemory
            | ErrorCode::OperationInterrupted
            | ErrorCode::OperationAborted
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied,
            _,
        ) => StoreError::Unavailable(text),
        _ => StoreError::Refused(text),
    }
}

/// Maps an error of the commit itself.
///
/// A lock, a constraint or a full disk strikes before the commit mark is whole in the write-ahead log, so nothing was
/// applied. After an I/O error the mark may or may not have reached the disk: this process sees the old state, but one
/// that recovers the log after a crash may see the new one.
pub(crate) fn at_commit(error: &Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::ConstraintViolation | ErrorCode::DiskFull,
        ) => in_statement("commit", error),
        _ => StoreError::Unknown(text("commit", error)),
    }
}

/// Returns `true` if another connection holds the lock, so that waiting may help.
pub(crate) fn is_busy(error: &Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

fn text(doing: &str, error: &Error) -> SmolStr {
    match error {
        Error::SqliteFailure(failure, message) => match message {
            Some(message) => format_smolstr!("{doing}: {message} (sqlite {})", failure.extended_code),
            None => format_smolstr!("{doing}: {failure}"),
        },
        other => format_smolstr!("{doing}: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    /// The store itself begins with the write lock, so it never meets this; a connection that began by reading does.
    #[test]
    fn a_snapshot_that_was_overtaken_is_a_conflict_and_a_lock_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            let connection = Connection::open(folder.path().join("db")).unwrap();
            connection.busy_timeout(std::time::Duration::ZERO).unwrap();
            connection
        };
        let (reader, writer) = (open(), open());
        writer.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x)").unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM t").unwrap();
        writer.execute_batch("INSERT INTO t VALUES (1)").unwrap();
        let overtaken = reader.execute("INSERT INTO t VALUES (2)", []).unwrap_err();
        assert!(is_busy(&overtaken));
        assert!(matches!(in_statement("insert", &overtaken), StoreError::Conflict(_)), "{overtaken}");

        reader.execute_batch("ROLLBACK").unwrap();
        writer.execute_batch("BEGIN IMMEDIATE").unwrap();
        let locked = reader.execute("INSERT INTO t VALUES (2)", []).unwrap_err();
        assert!(matches!(in_statement("insert", &locked), StoreError::Unavailable(_)), "{locked}");
        assert!(matches!(at_commit(&locked), StoreError::Unavailable(_)), "{locked}");
    }

    /// A disk that is full for real says so at the commit, where the log is written: the mark is then not whole. Only
    /// the error is provoked here, by a limit on the file's pages.
    #[test]
    fn a_full_disk_is_unavailable_at_the_commit_too_and_what_nobody_knows_is_unknown() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (x); PRAGMA max_page_count = 3").unwrap();
        let full = connection.execute("INSERT INTO t VALUES (zeroblob(100000))", []).unwrap_err();
        assert_eq!(full.sqlite_error_code(), Some(ErrorCode::DiskFull));
        assert!(matches!(at_commit(&full), StoreError::Unavailable(_)), "{full}");
        for code in [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_CORRUPT, ffi::SQLITE_NOMEM] {
            let error = Error::SqliteFailure(ffi::Error::new(code), None);
            assert!(matches!(at_commit(&error), StoreError::Unknown(_)), "{error}");
        }
    }
}
