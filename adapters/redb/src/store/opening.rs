//! Databases that are opened: files, and databases in memory.

use std::{path::Path, sync::Arc};

use seaworthy_core::ports::{Clock, SteadyTime};

use super::RedbStore;
use crate::{
    config::RedbConfig,
    error::OpenError,
    files::{self, May, Shared},
};

impl RedbStore {
    /// Opens a database file and creates it where it is missing. `clock` is the store's own: leases, delays and retention are
    /// judged by it.
    ///
    /// The store's time goes on from the latest that was committed, to a second, where the clock was set back meanwhile. A
    /// clock that is behind it by [more than a day](SteadyTime::BEHIND_MAX) is believed, with a warning: then whatever the
    /// store has put off by the time of before is due at once, as at the end of a lease, and moments that messages and sagas
    /// asked for stay as they are.
    ///
    /// A file that this process has open already is not opened again; the new handle shares its writer. One that another process
    /// has open can't be opened. After a kill redb looks through the whole file first, unless
    /// [`RedbConfig::quick_repair`] was set.
    ///
    /// It blocks the thread while it reads the file.
    ///
    /// # Errors
    /// [`OpenError`]: the file was written by a newer version, is in use, damaged or of another program, can't be opened, or is
    /// open with other settings.
    pub fn open(path: impl AsRef<Path>, clock: Arc<dyn Clock>, config: RedbConfig) -> Result<Self, OpenError> {
        Ok(Self::on(files::open_file(path.as_ref(), config, May::Create, clock.now())?, clock))
    }

    /// Opens the database file of a service that is there already, for a tool: it is not created, so a wrong path makes no file.
    /// The service must not run meanwhile.
    ///
    /// # Errors
    /// [`OpenError::Missing`] and [`OpenError::NotAStore`], which leave the file as it is; any other [`OpenError`].
    pub fn open_existing(path: impl AsRef<Path>, clock: Arc<dyn Clock>, config: RedbConfig) -> Result<Self, OpenError> {
        Ok(Self::on(files::open_file(path.as_ref(), config, May::Nothing, clock.now())?, clock))
    }

    /// Opens a new database in memory, which is gone with its last handle.
    ///
    /// # Errors
    /// [`OpenError::Redb`], if there is no memory for it.
    pub fn open_in_memory(clock: Arc<dyn Clock>, config: RedbConfig) -> Result<Self, OpenError> {
        Ok(Self::on(files::open_memory(config, clock.now())?, clock))
    }

    fn on(shared: Arc<Shared>, clock: Arc<dyn Clock>) -> Self {
        let time = match &shared.latest {
            Some(latest) => SteadyTime::resume(Arc::clone(&clock), latest.get()),
            None => SteadyTime::new(Arc::clone(&clock)),
        };
        Self { shared, clock, time: Arc::new(time) }
    }
}
