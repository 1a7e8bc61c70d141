//! Databases that are opened: files, and databases in memory.

use std::{path::Path, sync::Arc};

use seaworthy_core::ports::{Clock, SteadyTime};

use super::SqliteStore;
use crate::{
    config::SqliteConfig,
    epoch::Epochs,
    error::OpenError,
    files::{self, May, Shared},
};

impl SqliteStore {
    /// Opens a database file, creates it where it is missing, and brings its tables up to date. `clock` is the store's
    /// own: leases, delays and retention are judged by it.
    ///
    /// The store's time goes on from the latest that was committed, to a second, where the clock was set back meanwhile. A
    /// clock that is behind it by [more than a day](SteadyTime::BEHIND_MAX) is believed, with a warning: then whatever the
    /// store has put off by the time of before is due at once, as at the end of a lease, and moments that messages and sagas
    /// asked for stay as they are.
    ///
    /// A file that this process has open already is not opened again; the new handle shares its writer.
    ///
    /// # Errors
    /// [`OpenError`]: the file was written by a newer version, can't be opened, or is open with other settings, or a setting
    /// [can't work](SqliteConfig::check).
    pub fn open(path: impl AsRef<Path>, clock: Arc<dyn Clock>, config: SqliteConfig) -> Result<Self, OpenError> {
        Ok(Self::on(files::open_file(path.as_ref(), config, May::Create, clock.now())?, clock))
    }

    /// Opens the database file of a service that is there already, for a tool: it is neither created nor migrated, so a
    /// wrong path makes no file, and services of an older release go on.
    ///
    /// # Errors
    /// [`OpenError::Missing`], [`OpenError::NotAStore`] and [`OpenError::OlderSchema`], which leave the file as it is; any
    /// other [`OpenError`].
    pub fn open_existing(
        path: impl AsRef<Path>,
        clock: Arc<dyn Clock>,
        config: SqliteConfig,
    ) -> Result<Self, OpenError> {
        Ok(Self::on(files::open_file(path.as_ref(), config, May::Nothing, clock.now())?, clock))
    }

    /// Opens a database file as [`open_existing`](Self::open_existing) does, and brings its tables up to date if they are
    /// those of an older release, which can't open it from then on.
    ///
    /// # Errors
    /// [`OpenError::Missing`] and [`OpenError::NotAStore`], which leave the file as it is; any other [`OpenError`].
    pub fn open_and_migrate(
        path: impl AsRef<Path>,
        clock: Arc<dyn Clock>,
        config: SqliteConfig,
    ) -> Result<Self, OpenError> {
        Ok(Self::on(files::open_file(path.as_ref(), config, May::Migrate, clock.now())?, clock))
    }

    /// Opens a new database in memory, which is gone with its last handle.
    ///
    /// # Errors
    /// [`OpenError::Sqlite`], if there is no memory for it.
    pub fn open_in_memory(clock: Arc<dyn Clock>, config: SqliteConfig) -> Result<Self, OpenError> {
        Self::open_in_memory_with(clock, config, "")
    }

    /// Opens a new database in memory with tables of your own, and with the rows that they begin with.
    ///
    /// `tables` are the statements of your migrations, which make and fill them. They run once for all stores that are
    /// opened with the same ones, so a campaign of thousands of short runs pays for them once; nothing else of a
    /// connection is theirs to set.
    ///
    /// A database that nobody uses any more is taken back to this beginning, and used again, connection and prepared
    /// statements included. One that could be told from a new one is not: its tables, settings, functions or attached
    /// databases were changed, or a trigger or virtual table of yours would make more of it than rows. Only what SQLite
    /// counts over the life of a connection goes on, as in a pool: [`rusqlite::Connection::total_changes`], of which
    /// differences mean something, the counters of a cached statement, and how many pages were ever used.
    ///
    /// # Errors
    /// [`OpenError::Sqlite`], if a statement of `tables` fails, or there is no memory for it.
    pub fn open_in_memory_with(clock: Arc<dyn Clock>, config: SqliteConfig, tables: &str) -> Result<Self, OpenError> {
        Ok(Self::on(files::open_memory(config, tables, Epochs::of_memory(clock.now()))?, clock))
    }

    fn on(shared: Arc<Shared>, clock: Arc<dyn Clock>) -> Self {
        let time = match &shared.latest {
            Some(latest) => SteadyTime::resume(Arc::clone(&clock), latest.get()),
            None => SteadyTime::new(Arc::clone(&clock)),
        };
        Self { shared, clock, time: Arc::new(time) }
    }
}
