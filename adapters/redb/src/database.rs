//! Databases of redb: opened, and opened anew after a failure.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process,
    sync::Arc,
};

use redb::{Builder, Database, DatabaseError, Error, StorageError, backends};

use crate::{
    backend::{FirstFailure, Watched},
    config::RedbConfig,
    error::OpenError,
};

/// Place of a database.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// A file, by its path, and as it was given.
    File(PathBuf, Arc<str>),
    Memory,
}

impl Origin {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::File(_, name) => name,
            Self::Memory => "the database in memory",
        }
    }
}

/// A database that is open, and what went wrong with it first.
pub(crate) struct Opened {
    pub(crate) database: Database,
    pub(crate) failure: FirstFailure,
}

impl Opened {
    /// Opens a database, or makes it.
    pub(crate) fn new(origin: &Origin, config: &RedbConfig, create: bool) -> Result<Self, OpenError> {
        match origin {
            Origin::Memory => {
                let (backend, failure) = (backends::InMemoryBackend::new(), FirstFailure::default());
                let watched = Watched::new(backend, origin.name().into(), failure.clone());
                let database = builder(config).create_with_backend(watched);
                Ok(Self { database: database.map_err(|error| refused(origin.name(), error))?, failure })
            }
            Origin::File(path, name) => {
                let made = if create && !path.exists() { Self::make(path, name, config) } else { None };
                made.map_or_else(|| Self::open(path, name, config, create), Ok)
            }
        }
    }

    /// Makes a database under another name, which gets its own once it is whole and is kept locked all the while: a process that is
    /// killed meanwhile leaves no file that can't be opened. Where that can't be, it is made in place, which says what is wrong.
    fn make(path: &Path, name: &Arc<str>, config: &RedbConfig) -> Option<Self> {
        let mut unfinished = path.file_name()?.to_owned();
        unfinished.push(format!(".{}.new", process::id()));
        let unfinished = path.with_file_name(unfinished);
        let made = match Self::open(&unfinished, name, config, true) {
            // A process of the same number, in another container: it is theirs.
            Err(OpenError::InUse { .. }) => return None,
            made => made.ok(),
        };
        // No name for what was left half made, and none where somebody else was first.
        let made = made.filter(|_| fs::hard_link(&unfinished, path).is_ok());
        let _ = fs::remove_file(&unfinished);
        made
    }

    fn open(path: &Path, name: &Arc<str>, config: &RedbConfig, create: bool) -> Result<Self, OpenError> {
        let failure = FirstFailure::default();
        let mut file = take_up(path, name, create)?;
        let locked = file.try_clone().map_err(|source| OpenError::Path { path: name.to_string(), source })?;
        let backend = backends::FileBackend::new(locked).map_err(|error| refused(name, error))?;
        // Only now: a file that another process is about to make has nothing in it that says so.
        look_into(&mut file, name)?;
        let watched = Watched::new(backend, Arc::clone(name), failure.clone());
        // redb trusts a file that was closed well, and may panic where somebody else has written into it since.
        let opened = catch_unwind(AssertUnwindSafe(|| builder(config).create_with_backend(watched)));
        let damaged = |_| {
            let reason = "redb gave up on what it read in it".to_owned();
            OpenError::Damaged { path: name.to_string(), reason }
        };
        Ok(Self { database: opened.map_err(damaged)?.map_err(|error| refused(name, error))?, failure })
    }
}

fn builder(config: &RedbConfig) -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(usize::try_from(config.cache_kib).unwrap_or(usize::MAX).saturating_mul(1_024));
    builder.set_check_integrity_on_open(config.check_on_open);
    builder
}

/// Opens a file, or makes it.
fn take_up(path: &Path, name: &str, create: bool) -> Result<File, OpenError> {
    let path_of = || name.to_owned();
    let opened = OpenOptions::new().read(true).write(true).create(create).truncate(false).open(path);
    let file = opened.map_err(|source| match source.kind() {
        ErrorKind::NotFound if !create => OpenError::Missing { path: path_of() },
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => OpenError::ReadOnly { path: path_of() },
        _ => OpenError::Path { path: path_of(), source },
    })?;
    // Whoever only looks does not lock out the one that is about to make it.
    let length = file.metadata().map_err(|source| OpenError::Path { path: path_of(), source })?.len();
    if length == 0 && !create { Err(OpenError::NotAStore { path: path_of() }) } else { Ok(file) }
}

/// Looks whether redb has written a file that nobody else has open, unless there is nothing in it yet.
fn look_into(file: &mut File, name: &str) -> Result<(), OpenError> {
    let path_of = || name.to_owned();
    if file.metadata().map_err(|source| OpenError::Path { path: path_of(), source })?.len() == 0 {
        return Ok(());
    }
    let mut begins = [0; 4];
    match file.read_exact(&mut begins) {
        Ok(()) if begins == *b"redb" => Ok(()),
        Ok(()) => Err(OpenError::NotADatabase { path: path_of() }),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(OpenError::NotADatabase { path: path_of() }),
        Err(source) => Err(OpenError::Path { path: path_of(), source }),
    }
}

fn refused(name: &str, error: DatabaseError) -> OpenError {
    let path = name.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => OpenError::InUse { path },
        DatabaseError::UpgradeRequired(found) => OpenError::OldDatabase { path, found },
        DatabaseError::Storage(StorageError::Corrupted(reason)) => OpenError::Damaged { path, reason },
        DatabaseError::Storage(StorageError::Io(source)) if source.kind() == ErrorKind::UnexpectedEof => {
            OpenError::Damaged { path, reason: "it ends too early".to_owned() }
        }
        error => OpenError::Redb { path, doing: "opening", source: Box::new(Error::from(error)) },
    }
}
