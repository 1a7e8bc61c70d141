//! The store, and what it does outside the transactions of its users.

mod epochs;
mod opening;
mod parts;
mod turns;

#[cfg(test)]
mod long_past;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use seaworthy_core::ports::{
    Backlog, Backup, Census, Clock, Parts, RowCounts, SteadyTime, Store, StoreError, Timestamp, Transaction,
};

use crate::{census, files::Shared};

/// The store port on one database of redb. Cloning is cheap: all clones share one writer.
///
/// redb has one writer at a time. A transaction waits for its turn on an async permit, in the order in which tasks asked, and
/// holds it from its first moment to its last. So a transaction never fails because another was faster, `Conflict` comes from
/// versions, keys and fences only, and the sequence of outbox rows is their commit order. Keep transactions short, and never await
/// another transaction of the same store inside one: that waits for itself until
/// [`RedbConfig::writer_wait`](crate::RedbConfig::writer_wait) ends it.
///
/// Reads outside of transactions go on beside the writer, each on what was committed when it began.
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
/// use seaworthy_redb::{RedbConfig, RedbStore};
///
/// # let clock = Arc::new(Epoch);
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async move {
/// let store = RedbStore::open_in_memory(clock, RedbConfig::simulation())?;
/// let mut tx = store.begin().await?;
/// tx.put("orders", "17", Expected::Absent, "{\"state\":\"pending\"}".into()).await?;
/// tx.commit().await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct RedbStore {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    time: Arc<SteadyTime>,
}

impl RedbStore {
    /// The time by the store's clock.
    pub(crate) fn time(&self) -> Timestamp {
        self.time.now()
    }
}

#[async_trait]
impl Store for RedbStore {
    fn parts(&self) -> Parts {
        Parts::ALL
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        Ok(Box::new(self.transaction().await?))
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.read(census::backlog).await
    }

    async fn census(&self) -> Result<Census, StoreError> {
        let now = self.time();
        self.read(|view| census::take(view, now)).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.time())
    }

    async fn row_counts(&self) -> Result<RowCounts, StoreError> {
        self.read(census::row_counts).await
    }

    /// Keeps the state that is committed for as long as the copy lives, by a savepoint of redb: nothing is copied, and pages that
    /// change meanwhile are not used again. It is gone with the process. A file is copied while no process has it open, and begins
    /// [an epoch](Self::begin_epoch) by hand where it is put back.
    async fn backup(&self) -> Result<Box<dyn Backup>, StoreError> {
        self.copy().await
    }
}

impl std::fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedbStore")
            .field("at", &self.shared.name())
            .field("config", &self.shared.config)
            .finish_non_exhaustive()
    }
}
