//! The store, and what it does outside the transactions of its users.

mod epochs;
mod events;
mod inbox;
mod opening;
mod operations;
mod outbox;
mod saga;
mod turns;

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::Connection;
use seaworthy_core::ports::{
    Backlog, Backup, Census, Clock, Parts, RowCounts, SteadyTime, Store, StoreError, Timestamp, Transaction,
};
use smol_str::SmolStr;

use self::turns::reopened;
use crate::{census, columns::read_count, epoch::Epochs, error, files::Shared};

/// The store port on one SQLite database. Cloning is cheap: all clones share one writer.
///
/// SQLite has one writer at a time. Within this process a transaction waits for its turn on an async permit, in the
/// order in which tasks asked; it then holds the database's write lock from its first moment to its last. So a
/// transaction never fails because another was faster, `Conflict` comes from versions, keys and fences only, and the
/// sequence of outbox rows is their commit order. Keep transactions short, and never await another transaction of the
/// same store inside one: that waits for itself until [`SqliteConfig::writer_wait`](crate::SqliteConfig::writer_wait) ends it.
///
/// Reads outside of transactions go on beside the writer where the database is a file, which has a second connection for them.
/// A database in memory has one connection: there a read waits for the transaction that is open, as another transaction
/// does, and one that its own task awaits waits for itself. Read through the transaction instead.
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
    /// The epochs that the store has been in.
    pub(crate) fn epochs(&self) -> &Arc<Epochs> {
        &self.shared.epochs
    }

    /// The time by the store's clock.
    pub(crate) fn time(&self) -> Timestamp {
        self.time.now()
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

    async fn row_counts(&self) -> Result<RowCounts, StoreError> {
        self.read(|connection| {
            census::row_counts(connection).map_err(|failure| error::in_statement("count rows", &failure))
        })
        .await
    }

    /// Copies a database in memory. A file is copied with SQLite's own tools, and begins [an epoch](Self::begin_epoch) by
    /// hand.
    async fn backup(&self) -> Result<Box<dyn Backup>, StoreError> {
        self.copy().await
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("config", &self.shared.config).finish_non_exhaustive()
    }
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
