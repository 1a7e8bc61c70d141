//! Mapping of redb's errors to store errors: applied, not applied, or nobody knows.

use redb::Error;
use seaworthy_core::{ports::StoreError, settings::InvalidSetting};
use smol_str::format_smolstr;

/// Error of opening a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file was written by a later version of this crate.
    #[error(
        "{path} has format {found}, this program knows {known}: deploy a newer program, or restore a copy of the file"
    )]
    NewerFormat {
        /// Path of the database file.
        path: String,
        /// Format of the file.
        found: u32,
        /// The latest format that this program knows.
        known: u32,
    },
    /// The file was written by a version of redb that this one does not read.
    #[error(
        "{path} is a file of redb's format {found}, which this program can't read: open it with redb 2.6, which brings it up to date"
    )]
    OldDatabase {
        /// Path of the database file.
        path: String,
        /// Version of redb's file format.
        found: u8,
    },
    /// There is no file, and none was to be created.
    #[error("{path} can't be opened: there is no such file")]
    Missing {
        /// Path of the database file.
        path: String,
    },
    /// The file is none of a store, and was not to be made one.
    #[error("{path} is no database of seaworthy: it has no table `seaworthy_meta`")]
    NotAStore {
        /// Path of the database file.
        path: String,
    },
    /// The file is none of redb.
    #[error("{path} is no file of redb: give the path of another, or of one that is to be made")]
    NotADatabase {
        /// Path of the file.
        path: String,
    },
    /// Somebody else has the file open. It belongs to one process at a time.
    #[error("{path} is open in another process: one process works on it at a time, so stop that one, or ask it")]
    InUse {
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
    /// The file is there and can only be read, as one of another user or on a disk that is mounted for reading.
    #[error("{path} can't be written to: give this user the right to read and write it")]
    ReadOnly {
        /// Path of the database file.
        path: String,
    },
    /// The file contradicts itself: it was cut, or written over.
    #[error("{path} is damaged ({reason}): restore a copy of it, and begin an epoch")]
    Damaged {
        /// Path of the database file.
        path: String,
        /// Reason for saying so.
        reason: String,
    },
    /// redb reported an error.
    #[error("{doing} {path}: {source}")]
    Redb {
        /// Path of the database file.
        path: String,
        /// Step that failed.
        doing: &'static str,
        /// redb's own error.
        source: Box<Error>,
    },
    /// The path can't be resolved, or its file can't be opened.
    #[error("opening {path}: {source}")]
    Path {
        /// Path that was given.
        path: String,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// The store's notes about itself can't be read.
    #[error("reading {path}: {source}")]
    Contents {
        /// Path of the database file.
        path: String,
        /// Error of the store, which says what can't be read.
        source: StoreError,
    },
}

/// Maps an error of an operation inside a transaction: a transaction that drops out of its work with it is rolled back,
/// so it was not applied. `doing` says which operation.
///
/// For work of your own on the transaction; the store's own is mapped by it, too.
pub fn in_statement(doing: &str, error: impl Into<Error>) -> StoreError {
    let error = error.into();
    let text = format_smolstr!("{doing}: {error}");
    match error {
        Error::Io(_) | Error::PreviousIo | Error::DatabaseClosed | Error::LockPoisoned(_) => {
            StoreError::Unavailable(text)
        }
        _ => StoreError::Refused(text),
    }
}

/// Maps an error of the commit itself.
///
/// The root of the new state is written last, and synced. When writing or syncing fails on the way, this process can't tell
/// whether the disk has it: whoever opens the file next sees the old state or the new one, each whole.
pub(crate) fn at_commit(doing: &str, error: impl Into<Error>) -> StoreError {
    match error.into() {
        Error::TransactionPoisoned => StoreError::Refused(format_smolstr!("{doing}: {}", Error::TransactionPoisoned)),
        error => StoreError::Unknown(format_smolstr!("{doing}: {error}")),
    }
}
