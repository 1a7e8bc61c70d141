//! The store, and what it does outside the transactions of its users.

mod events;
mod inbox;
mod operations;
mod outbox;
mod saga;

use std::{
    path::Path,
    pin::pin,
    sync::{Arc, Mutex as StdMutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::{Either, select};
use rusqlite::Connection;
use seaworthy_core::ports::{
    Backlog, Backup, Census, Clock, Parts, SteadyTime, Store, StoreError, Timestamp, Transaction,
};
use smol_str::{SmolStr, format_smolstr};
use tokio::sync::OwnedMutexGuard;

use crate::{
    census,
    columns::read_count,
    config::SqliteConfig,
    epoch::{Epoch, Epochs},
    error::{self, OpenError},
    files::{self, May, Shared},
    transaction::SqliteTransaction,
    writer::Writer,
};

/// The store port on one SQLite database. Cloning is cheap: all clones share one writer.
///
/// SQLite has one writer at a time. Within this process a transaction waits for its turn on an async permit, in the
/// order in which tasks asked; it then holds the database's write lock from its first moment to its last. So a
/// transaction never fails because another was faster, `Conflict` comes from versions, keys and fences only, and the
/// sequence of outbox rows is their commit order. Keep transactions short, and never await another transaction of the
/// same store inside one: that waits for itself until [`SqliteConfig::writer_wait`] ends it.
///
/// Dropping a transaction, or the future of any method half way, rolls back and lets the next one in.
///
/// ```
/// # use std::{sync::Arc, time::Duration};
/// # use seaworthy_core::ports::{Clock, Timestamp};
/// # struct Epoch;
/// # #[async_trait::async_trait]
/// # impl Clock for Epoch {
/// #     fn now(&self) -> Timestamp { Timestamp::EPOCH }
/// #     async fn sleep(&self, _: Duration) {}
/// # }
/// use seaworthy_core::ports::{Documents, Expected, Store, Transaction};
/// use seaworthy_sqlite::{SqliteConfig, SqliteStore};
///
/// # let clock = Arc::new(Epoch);
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async move {
/// let store = SqliteStore::open_in_memory(clock, SqliteConfig::simulation())?;
/// let mut tx = store.begin().await?;
/// tx.put("orders", "17", Expected::Absent, "{\"state\":\"pending\"}".into()).await?;
/// tx.commit().await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SqliteStore {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    time: Arc<SteadyTime>,
}

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
    /// [`OpenError`]: the file was written by a newer version, can't be opened, or is open with other settings.
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

    /// Begins another epoch of the store, and returns it: to be called once after its file was put back from a copy, before
    /// anything else works on it, or by whoever sets its counters back by other means.
    ///
    /// Handles of this process are in it from now on; another process that has the file open learns of it when it opens it
    /// anew.
    ///
    /// The copy counts on from where it was made, so messages that are staged now get the sequences of others that were
    /// sent since. Their epoch tells the two apart; without one a consumer that has handled and forgotten the others takes
    /// them for duplicates. What the copy holds stays of its epoch, and is a duplicate where it was handled.
    ///
    /// # Errors
    /// Any [`StoreError`]; the epoch is then the one before, unless the outcome is unknown.
    pub async fn begin_epoch(&self) -> Result<u64, StoreError> {
        let epoch = self.write(doing("begin an epoch", |connection, _| Epochs::draw(connection))).await?;
        Ok(self.shared.epochs.push(epoch))
    }

    /// The epochs that the store has been in.
    pub(crate) fn epochs(&self) -> &Arc<Epochs> {
        &self.shared.epochs
    }

    /// Opens a transaction as its own type: [`Store::begin`] boxes it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if another process holds the lock for longer than
    /// [`SqliteConfig::busy_timeout`], or transactions of this process for longer than [`SqliteConfig::writer_wait`].
    pub async fn transaction(&self) -> Result<SqliteTransaction, StoreError> {
        let writer = self.lock(self.permit().await?).await?;
        let (time, latest) = (Arc::clone(&self.time), self.shared.latest.clone());
        let blocking = self.shared.config.blocking_at_commit();
        Ok(SqliteTransaction::new(writer, time, Arc::clone(self.epochs()), latest, blocking))
    }

    /// Runs `work` in a transaction of its own.
    pub(crate) async fn write<T>(
        &self,
        work: impl FnOnce(&Connection, Timestamp) -> Result<T, StoreError> + Send,
    ) -> Result<T, StoreError> {
        let mut tx = self.transaction().await?;
        let found = tx.run(work)?;
        tx.finish()?;
        Ok(found)
    }

    /// Runs `work`, which only reads: beside the writer if there is a second connection.
    pub(crate) async fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send,
    ) -> Result<T, StoreError> {
        match &self.shared.reader {
            Some(reader) => work(&*reader.lock().await),
            None => work(self.permit().await?.connection()),
        }
    }

    /// The time by the store's clock.
    pub(crate) fn time(&self) -> Timestamp {
        self.time.now()
    }

    /// Waits for this process's other transactions.
    async fn permit(&self) -> Result<OwnedMutexGuard<Writer>, StoreError> {
        let mut writer = self.turn().await?;
        writer.without_what_is_left().map_err(|error| reopened(&error))?;
        Ok(writer)
    }

    async fn turn(&self) -> Result<OwnedMutexGuard<Writer>, StoreError> {
        // Waiters are served before newcomers, so this overtakes nobody; it saves the timer when nobody waits.
        if let Ok(writer) = Arc::clone(&self.shared.writer).try_lock_owned() {
            return Ok(writer);
        }
        let turn = Arc::clone(&self.shared.writer).lock_owned();
        let Some(patience) = self.shared.config.writer_wait else { return Ok(turn.await) };
        match select(pin!(turn), self.clock.sleep(patience)).await {
            Either::Left((writer, _)) => Ok(writer),
            Either::Right(_) => Err(StoreError::Unavailable(format_smolstr!(
                "another transaction of this process has not ended for {patience:?}: does a task begin one while it \
                 holds one?"
            ))),
        }
    }

    /// Takes the database's write lock, which another process may hold. The permit is kept meanwhile, so that the order
    /// within this process stays.
    async fn lock(&self, writer: OwnedMutexGuard<Writer>) -> Result<OwnedMutexGuard<Writer>, StoreError> {
        let mut waited = Duration::ZERO;
        let mut pause = Duration::from_millis(1);
        loop {
            match writer.begin() {
                Ok(()) => return Ok(writer),
                Err(failure) if error::is_busy(&failure) && waited < self.shared.config.busy_timeout => {
                    self.clock.sleep(pause).await;
                    waited += pause;
                    pause = (pause * 2).min(Duration::from_millis(50));
                }
                Err(failure) if error::is_busy(&failure) => {
                    return Err(StoreError::Unavailable(format_smolstr!(
                        "another process has held the database's write lock for {waited:?}"
                    )));
                }
                Err(failure) => return Err(error::in_statement("begin", &failure)),
            }
        }
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn parts(&self) -> Parts {
        Parts::ALL
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        Ok(Box::new(self.transaction().await?))
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.read(|connection| backlog(connection).map_err(|failure| error::in_statement("backlog", &failure))).await
    }

    async fn census(&self) -> Result<Census, StoreError> {
        let now = self.time();
        self.read(|connection| {
            census::take(connection, now).map_err(|failure| error::in_statement("take a census", &failure))
        })
        .await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.time())
    }

    /// Watches by temporary triggers on the store's one connection; other processes on the same file are not seen. A
    /// second call takes the place of the first.
    async fn watch(&self, tables: &[SmolStr]) -> Result<(), StoreError> {
        self.turn().await?.watch(tables).map_err(|error| reopened(&error))
    }

    /// Copies a database in memory. A file is copied with SQLite's own tools, and begins [an epoch](Self::begin_epoch) by
    /// hand.
    async fn backup(&self) -> Result<Box<dyn Backup>, StoreError> {
        let writer = self.permit().await?;
        let (copy, epochs) = (StdMutex::new(writer.copy()?), self.epochs().copy());
        Ok(Box::new(Copied { store: self.clone(), epochs, copy }))
    }
}

/// A copy of a database in memory, and the store that it was made of.
struct Copied {
    store: SqliteStore,
    epochs: Vec<Epoch>,
    copy: StdMutex<Connection>,
}

#[async_trait]
impl Backup for Copied {
    async fn restore(&self) -> Result<(), StoreError> {
        let mut writer = self.store.permit().await?;
        let copy = self.copy.lock().unwrap_or_else(PoisonError::into_inner);
        writer.put_back(&copy)?;
        let begun = self.store.epochs().put_back(&self.epochs, writer.connection(), self.store.time());
        begun.map_err(|failure| error::in_statement("restore", &failure))
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("config", &self.shared.config).finish_non_exhaustive()
    }
}

fn reopened(error: &OpenError) -> StoreError {
    StoreError::Unavailable(format_smolstr!("a database in memory could not be opened anew: {error}"))
}

fn backlog(connection: &Connection) -> rusqlite::Result<Backlog> {
    connection
        .prepare_cached(
            "SELECT (SELECT count(*) FROM seaworthy_outbox WHERE state < 2),
                    (SELECT count(*) FROM seaworthy_outbox WHERE state = 3),
                    (SELECT count(*) FROM seaworthy_sagas WHERE status < 2 AND due_at < ?1),
                    (SELECT count(*) FROM seaworthy_sagas WHERE status < 2 AND due_at = ?1),
                    (SELECT count(*) FROM seaworthy_sagas WHERE status = 2),
                    (SELECT count(*) FROM seaworthy_dead_letters)",
        )?
        .query_row([Timestamp::MAX.as_micros()], |row| {
            Ok(Backlog {
                outbox_unsettled: read_count(row, 0)?,
                outbox_dead: read_count(row, 1)?,
                sagas_active: read_count(row, 2)?,
                sagas_waiting: read_count(row, 3)?,
                sagas_stuck: read_count(row, 4)?,
                inbox_dead: read_count(row, 5)?,
            })
        })
}

/// Adds to an error what was being done.
fn doing<T>(
    what: &'static str,
    work: impl FnOnce(&Connection, Timestamp) -> rusqlite::Result<T> + Send,
) -> impl FnOnce(&Connection, Timestamp) -> Result<T, StoreError> + Send {
    move |connection, now| work(connection, now).map_err(|failure| error::in_statement(what, &failure))
}
