//! Databases of this process: each file is opened once, and all its handles share what is here.

use std::{
    cell::Cell,
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock, Mutex as StdMutex, PoisonError, RwLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use redb::{Durability, Error, ReadableDatabase as _, TableHandle as _, WriteTransaction};
use seaworthy_core::ports::{OneWriter, StoreError, Timestamp};
use smol_str::{SmolStr, format_smolstr};

use crate::{
    config::{RedbConfig, Synchronous},
    database::{Opened, Origin},
    error::{OpenError, in_statement},
    latest::{self, Latest},
    meta,
    tables::{ALL, META},
    view::{Result, Tables, View},
};

/// State that all handles of one database share.
pub(crate) struct Shared {
    /// The permit to write. Fair: tasks get it in the order in which they asked.
    pub(crate) permit: OneWriter<()>,
    pub(crate) config: RedbConfig,
    /// `None` only where a file could not be opened anew after a failure.
    opened: RwLock<Option<Opened>>,
    origin: Origin,
    epoch: AtomicU64,
    /// The latest time of a file; a database in memory is never opened again.
    pub(crate) latest: Option<Latest>,
}

/// The files that are open in this process. redb lets a file be open once at a time.
static OPEN: LazyLock<StdMutex<BTreeMap<PathBuf, Weak<Shared>>>> = LazyLock::new(StdMutex::default);

/// Changes that may be made to a file so that it can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum May {
    /// It is created where it is missing, and made a store where it is none.
    Create,
    Nothing,
}

/// Opens a file, or joins the handles that have it open. `now` is the time of the clock by which its store judges.
pub(crate) fn open_file(path: &Path, config: RedbConfig, may: May, now: Timestamp) -> Result<Arc<Shared>, OpenError> {
    config.check()?;
    let name: Arc<str> = path.display().to_string().into();
    if may != May::Create && !path.exists() {
        return Err(OpenError::Missing { path: name.to_string() });
    }
    let resolved = resolve(path).map_err(|source| OpenError::Path { path: name.to_string(), source })?;
    // The map is only ever changed by the line that inserts, so it is whole even if a holder has panicked.
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(shared) = open.get(&resolved).and_then(Weak::upgrade) {
        let is_same = shared.config == config;
        return if is_same { Ok(shared) } else { Err(OpenError::OtherSettings { path: name.to_string() }) };
    }
    let origin = Origin::File(resolved.clone(), Arc::clone(&name));
    let opened = Opened::new(&origin, &config, may == May::Create)?;
    let shared = Arc::new(Shared::take_up(opened, origin, config, may, now, meta::draw_epoch)?);
    open.retain(|_, handle| handle.strong_count() > 0);
    open.insert(resolved, Arc::downgrade(&shared));
    Ok(shared)
}

/// Makes a database that lives as long as its handles.
pub(crate) fn open_memory(config: RedbConfig, now: Timestamp) -> Result<Arc<Shared>, OpenError> {
    config.check()?;
    let opened = Opened::new(&Origin::Memory, &config, true)?;
    let epoch = || meta::epoch_at(now);
    Ok(Arc::new(Shared::take_up(opened, Origin::Memory, config, May::Create, now, epoch)?))
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

impl Shared {
    /// Takes a database over that was opened: looks whose it is, and makes it a store where it may.
    fn take_up(
        opened: Opened,
        origin: Origin,
        config: RedbConfig,
        may: May,
        now: Timestamp,
        epoch: impl FnOnce() -> u64,
    ) -> Result<Self, OpenError> {
        let path = || origin.name().to_owned();
        let failed = |source: StoreError| OpenError::Contents { path: path(), source };
        let shared = Self {
            permit: OneWriter::new(Arc::default(), config.writer_wait, config.writer_warning),
            config,
            opened: RwLock::new(Some(opened)),
            origin: origin.clone(),
            epoch: AtomicU64::new(0),
            latest: None,
        };
        let found = if shared.is_store().map_err(failed)? { shared.read(meta::format).map_err(failed)? } else { None };
        match found {
            Some(found) if found > meta::FORMAT => {
                return Err(OpenError::NewerFormat { path: path(), found, known: meta::FORMAT });
            }
            Some(_) => {}
            None if may == May::Create => shared.write(|tables| make(tables, epoch())).map_err(failed)?,
            None => return Err(OpenError::NotAStore { path: path() }),
        }
        shared.epoch.store(shared.read(meta::epoch).map_err(failed)?, Ordering::Relaxed);
        let mut latest = shared.read(meta::latest).map_err(failed)?;
        // A tool's clock says nothing of the time of the services that work on the file.
        if may == May::Create && latest::is_to_believe(latest, now) {
            let behind = latest.since(now);
            let put_off = shared.write(|tables| latest::believe(tables, now)).map_err(failed)?;
            tracing::warn!(
                path = path(),
                ?behind,
                put_off,
                "the clock is behind the store's latest time by more than a day, and is believed: what was put off by the time of \
                 before is due now, and is kept from now on as if it were new"
            );
            latest = now;
        }
        let latest = matches!(origin, Origin::File(..)).then(|| Latest::new(latest));
        Ok(Self { latest, ..shared })
    }

    /// Returns `true` if the database has the tables of a store.
    fn is_store(&self) -> Result<bool> {
        self.with(|opened| {
            let found = || -> Result<bool, Error> {
                let tx = opened.database.begin_read()?;
                Ok(tx.list_tables()?.any(|table| table.name() == META.name()))
            };
            found().map_err(|error| in_statement("list the tables", error))
        })
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Has the store be in an epoch that was written.
    pub(crate) fn begun(&self, epoch: u64) {
        self.epoch.store(epoch, Ordering::Relaxed);
    }

    pub(crate) fn name(&self) -> &str {
        self.origin.name()
    }

    fn with<T>(&self, work: impl FnOnce(&Opened) -> Result<T>) -> Result<T> {
        match &*self.opened.read().unwrap_or_else(PoisonError::into_inner) {
            Some(opened) => work(opened),
            None => Err(StoreError::Unavailable(format_smolstr!("{} could not be opened anew", self.name()))),
        }
    }

    /// Returns `true` once writing or reading of pages has failed: nothing but opening the file anew helps then.
    pub(crate) fn has_failed(&self) -> bool {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        opened.as_ref().is_none_or(|opened| opened.failure.get().is_some())
    }

    /// Opens a file anew, as redb asks for after a failure. Whoever calls this has the permit, so that no transaction is open.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], for a database in memory always.
    pub(crate) fn open_anew(&self) -> Result<()> {
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        let failure = opened.as_ref().and_then(|opened| opened.failure.get());
        let failure = failure.unwrap_or(SmolStr::new_static("redb gave up"));
        let Origin::File(..) = &self.origin else {
            return Err(StoreError::Unavailable(format_smolstr!("{} has failed for good: {failure}", self.name())));
        };
        // It is locked for as long as it is open.
        *opened = None;
        let anew = Opened::new(&self.origin, &self.config, false);
        *opened = Some(anew.map_err(|error| {
            StoreError::Unavailable(format_smolstr!(
                "after a failure ({failure}) the file could not be opened anew: {error}"
            ))
        })?);
        tracing::warn!(path = self.name(), %failure, "the file was opened anew after a failure");
        Ok(())
    }

    /// Begins a transaction. Whoever calls this has the permit: redb would block the thread otherwise.
    pub(crate) fn begin(&self) -> Result<WriteTransaction> {
        if self.has_failed() {
            self.open_anew()?;
        }
        let begin = || {
            self.with(|opened| opened.database.begin_write().map_err(|error| in_statement("begin", Error::from(error))))
        };
        match begin() {
            // A commit that failed half way leaves redb so, whatever it was that failed.
            Err(StoreError::Unavailable(_)) => {
                self.open_anew()?;
                begin()
            }
            outcome => outcome,
        }
    }

    /// Sets a transaction up as the settings say, whatever a user has done with it.
    pub(crate) fn set_up(&self, tx: &mut WriteTransaction) -> Result<()> {
        let durability = match self.config.synchronous {
            Synchronous::Full => Durability::Immediate,
            Synchronous::Off => Durability::None,
        };
        tx.set_quick_repair(self.config.quick_repair);
        tx.set_durability(durability)
            .map_err(|error| StoreError::Refused(format_smolstr!("set the durability of a commit: {error}")))
    }

    /// Runs `work` on what is committed.
    pub(crate) fn read<T>(&self, work: impl FnOnce(View<'_>) -> Result<T>) -> Result<T> {
        self.with(|opened| {
            let tx = opened.database.begin_read();
            let tx = tx.map_err(|error| in_statement("begin to read", Error::from(error)))?;
            work(View::of_read(&tx))
        })
    }

    /// Runs `work` in a transaction that is committed to disk, while nobody else has the store yet.
    fn write<T>(&self, work: impl FnOnce(Tables<'_>) -> Result<T>) -> Result<T> {
        let tx = self.begin()?;
        let done = work(Tables::new(&tx, &Cell::default()))?;
        tx.commit().map_err(|error| in_statement("commit", Error::from(error)))?;
        Ok(done)
    }
}

/// Makes the tables of a store, empty.
fn make(tables: Tables<'_>, epoch: u64) -> Result<()> {
    for table in ALL {
        // redb makes a table that is opened for writing.
        tables.len(*table)?;
    }
    meta::write_format(tables)?;
    meta::write_epoch(tables, epoch)
}
