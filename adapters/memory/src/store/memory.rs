use std::{
    fmt,
    sync::{Arc, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    ids::{ClaimToken, MessageId, SagaId},
    ports::{
        AcquireRequest, Backlog, Backup, Census, ClaimRequest, Clock, DeadLetter, DeadLetterRequest, DeadRow,
        DeadRowRequest, EventStore, InboxPurgeRequest, InboxStore, ListedSaga, LogEntry, OperationStore, OutboxRow,
        OutboxStore, Parts, PurgeRequest, RecordedEvent, RepublishRequest, RowCounts, SagaInstance, SagaListRequest,
        SagaStore, Settlement, Store, StoreError, TailRequest, Timestamp, Transaction,
    },
};

use super::{model::StoreModel, shared_model::SharedModel, transaction::MemoryTransaction};

/// A store in memory that behaves as the `Store` port says, and never fails by itself.
///
/// - Snapshot isolation, first committer wins. A write that has been overtaken fails at once where the other commit
///   is there already, and at commit otherwise. Reads are not checked: write skew is possible, as in most databases.
/// - Of two transactions that insert the same unique key, the second waits for the first to end. A wait that would
///   never end is a [`StoreError::Conflict`] for the one that closes the circle.
/// - Row numbers are handed out when a message is staged, positions in the commit order at commit. The positions of events
///   are handed out when they are appended, and the log of events is shown up to the first whose transaction is open.
/// - All leases and delays are judged by the clock that it is given. A clock that steps back does not undo what was due.
///
/// Clones reach the same store. What is committed lives as long as the last clone.
///
/// ```
/// # use std::{sync::Arc, time::Duration};
/// # use seaworthy_core::ports::{Clock, Expected, Store, Timestamp};
/// # struct AtEpoch;
/// # #[async_trait::async_trait]
/// # impl Clock for AtEpoch {
/// #     fn now(&self) -> Timestamp { Timestamp::EPOCH }
/// #     async fn sleep(&self, _: Duration) {}
/// # }
/// # async fn example() -> Result<(), seaworthy_core::ports::StoreError> {
/// let store = seaworthy_memory::store::MemoryStore::new(Arc::new(AtEpoch));
/// let mut tx = store.begin().await?;
/// tx.put("orders", "17", Expected::Absent, "pending".into()).await?;
/// tx.commit().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<SharedModel>,
    lock_wait: Option<Duration>,
}

impl MemoryStore {
    /// An empty store that judges leases and delays by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { shared: Arc::new(SharedModel::new(clock)), lock_wait: None }
    }

    /// Has a transaction of this handle, and of its clones, wait so long and no longer for a unique key that another one has taken and
    /// not committed. It is told [`StoreError::Unavailable`] then. Without this it waits for as long as the other is open, by no timer
    /// of its own, as a simulation wants it.
    #[must_use]
    pub fn lock_wait(mut self, limit: Duration) -> Self {
        self.lock_wait = Some(limit);
        self
    }

    fn model(&self) -> MutexGuard<'_, StoreModel> {
        self.shared.model()
    }

    fn clock_now(&self) -> Timestamp {
        self.shared.now()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("backlog", &self.model().backlog()).finish()
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn parts(&self) -> Parts {
        Parts::ALL
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        let tx = self.model().begin();
        Ok(Box::new(MemoryTransaction::new(Arc::clone(&self.shared), tx, self.lock_wait)))
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        Ok(self.model().backlog())
    }

    async fn census(&self) -> Result<Census, StoreError> {
        Ok(self.model().census(self.clock_now()))
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.clock_now())
    }

    async fn row_counts(&self) -> Result<RowCounts, StoreError> {
        Ok(self.model().row_counts())
    }

    async fn backup(&self) -> Result<Box<dyn Backup>, StoreError> {
        Ok(Box::new(Copied { shared: Arc::clone(&self.shared), model: self.model().copy() }))
    }
}

/// A copy of a store, which reaches the store that it was made of.
struct Copied {
    shared: Arc<SharedModel>,
    model: StoreModel,
}

#[async_trait]
impl Backup for Copied {
    async fn restore(&self) -> Result<(), StoreError> {
        let epoch = self.shared.next_epoch();
        self.shared.model().put_back(&self.model, epoch);
        Ok(())
    }
}

#[async_trait]
impl OutboxStore for MemoryStore {
    async fn claim(&self, request: &ClaimRequest) -> Result<Vec<OutboxRow>, StoreError> {
        Ok(self.model().claim(request, self.clock_now()))
    }

    async fn settle(&self, token: ClaimToken, settlements: &[Settlement]) -> Result<Vec<bool>, StoreError> {
        Ok(self.model().settle(token, settlements, self.clock_now()))
    }

    async fn tail(&self, request: &TailRequest) -> Result<Vec<OutboxRow>, StoreError> {
        Ok(self.model().tail(request, self.clock_now()))
    }

    async fn dead_rows(&self, request: &DeadRowRequest) -> Result<Vec<DeadRow>, StoreError> {
        Ok(self.model().dead_rows(request))
    }

    async fn redrive(&self, request: &DeadRowRequest) -> Result<Vec<MessageId>, StoreError> {
        Ok(self.model().redrive(request))
    }

    async fn purge_dispatched(&self, request: &PurgeRequest) -> Result<Vec<MessageId>, StoreError> {
        Ok(self.model().purge_dispatched(request, self.clock_now()))
    }

    async fn purge_dead(&self, request: &DeadRowRequest) -> Result<Vec<MessageId>, StoreError> {
        Ok(self.model().purge_dead(request))
    }

    async fn republish(&self, request: &RepublishRequest) -> Result<Vec<MessageId>, StoreError> {
        Ok(self.model().republish(request))
    }

    async fn next_available(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.model().next_available(self.clock_now()))
    }
}

#[async_trait]
impl InboxStore for MemoryStore {
    async fn dead_letters(&self, request: &DeadLetterRequest) -> Result<Vec<DeadLetter>, StoreError> {
        Ok(self.model().dead_letters(request))
    }

    async fn ask_redrive(&self, request: &DeadLetterRequest) -> Result<Vec<MessageId>, StoreError> {
        Ok(self.model().ask_redrive(request, self.clock_now()))
    }

    async fn purge_inbox(&self, consumer: &str, request: &InboxPurgeRequest) -> Result<u64, StoreError> {
        Ok(self.model().purge_inbox(consumer, request, self.clock_now()))
    }
}

#[async_trait]
impl SagaStore for MemoryStore {
    async fn acquire_sagas(&self, request: &AcquireRequest) -> Result<Vec<SagaInstance>, StoreError> {
        Ok(self.model().acquire_sagas(request, self.clock_now()))
    }

    async fn renew_saga(&self, saga: SagaId, epoch: u64, lease: Duration) -> Result<bool, StoreError> {
        Ok(self.model().renew_saga(saga, epoch, lease, self.clock_now()))
    }

    async fn saga(&self, id: SagaId) -> Result<Option<SagaInstance>, StoreError> {
        Ok(self.model().saga(id))
    }

    async fn saga_by_key(&self, definition: &str, key: &str) -> Result<Option<SagaInstance>, StoreError> {
        Ok(self.model().saga_by_key(definition, key))
    }

    async fn sagas(&self, request: &SagaListRequest) -> Result<Vec<ListedSaga>, StoreError> {
        Ok(self.model().sagas(request, self.clock_now()))
    }

    async fn saga_log(&self, id: SagaId, after: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        Ok(self.model().saga_log(id, after, limit))
    }

    async fn purge_saga_logs(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        Ok(self.model().purge_saga_logs(request, self.clock_now()))
    }

    async fn purge_sagas(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        Ok(self.model().purge_sagas(request, self.clock_now()))
    }
}

#[async_trait]
impl OperationStore for MemoryStore {
    async fn purge_operations(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        Ok(self.model().purge_operations(request, self.clock_now()))
    }
}

#[async_trait]
impl EventStore for MemoryStore {
    async fn read_events(&self, after: u64, limit: usize) -> Result<Vec<RecordedEvent>, StoreError> {
        Ok(self.model().read_events(after, limit))
    }
}
