//! A store that counts its calls and fails one of them.

use std::{
    any::Any,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::pending;
use seaworthy_core::{
    ids::{ClaimToken, MessageId, OperationId, SagaId},
    message::Message,
    ports::*,
};
use seaworthy_sim::store::MemoryStore;
use smol_str::SmolStr;

/// What becomes of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strike {
    CrashBefore,
    CrashAfter,
    Unavailable,
    Conflict,
    /// Applied, but the answer is lost.
    ReplyLost,
    /// Not applied, and nobody knows.
    RequestLost,
}

impl Strike {
    pub(crate) const ALL: [Self; 6] =
        [Self::CrashBefore, Self::CrashAfter, Self::Unavailable, Self::Conflict, Self::ReplyLost, Self::RequestLost];
}

/// Decides what becomes of each call of one process. A process that has crashed never gets an answer again.
#[derive(Default)]
pub(crate) struct Gate {
    calls: AtomicUsize,
    dead: AtomicBool,
    strikes: Vec<(usize, Strike)>,
    names: Mutex<Vec<&'static str>>,
}

impl Gate {
    pub(crate) fn open() -> Arc<Self> {
        Arc::default()
    }

    /// Strikes the calls of these numbers, counted from zero.
    pub(crate) fn striking(strikes: impl IntoIterator<Item = (usize, Strike)>) -> Arc<Self> {
        Arc::new(Self { strikes: strikes.into_iter().collect(), ..Self::default() })
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.names.lock().expect("no call panics").clone()
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    pub(crate) fn kill(&self) {
        self.dead.store(true, Ordering::Relaxed);
    }

    pub(crate) async fn enter(&self, name: &'static str) -> Option<Strike> {
        if self.is_dead() {
            return pending().await;
        }
        self.names.lock().expect("no call panics").push(name);
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let strike = self.strikes.iter().find(|(at, _)| *at == number).map(|(_, strike)| *strike);
        if strike == Some(Strike::CrashBefore) {
            self.kill();
            return pending().await;
        }
        strike
    }

    pub(crate) async fn leave(&self, strike: Option<Strike>) {
        if strike == Some(Strike::CrashAfter) {
            self.kill();
            pending().await
        }
    }

    /// A call to the store: short transactions, statements and commits alike.
    async fn store<T>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let strike = self.enter(name).await;
        match strike {
            Some(Strike::Unavailable) => return Err(StoreError::Unavailable("struck".into())),
            Some(Strike::Conflict) => return Err(StoreError::Conflict("struck".into())),
            Some(Strike::RequestLost) => return Err(StoreError::Unknown("struck".into())),
            _ => {}
        }
        let answer = call.await;
        self.leave(strike).await;
        match strike {
            Some(Strike::ReplyLost) => Err(StoreError::Unknown("struck".into())),
            _ => answer,
        }
    }
}

pub(crate) struct GatedStore {
    store: MemoryStore,
    gate: Arc<Gate>,
}

impl GatedStore {
    pub(crate) fn new(store: MemoryStore, gate: Arc<Gate>) -> Self {
        Self { store, gate }
    }
}

#[async_trait]
impl Store for GatedStore {
    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        let inner = self.gate.store("begin", self.store.begin()).await?;
        Ok(Box::new(GatedTransaction { inner, gate: self.gate.clone() }))
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.store.backlog().await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.gate.store("now", self.store.now()).await
    }
}

#[async_trait]
impl SagaStore for GatedStore {
    async fn acquire_sagas(&self, request: &AcquireRequest) -> Result<Vec<SagaInstance>, StoreError> {
        self.gate.store("acquire", self.store.acquire_sagas(request)).await
    }

    async fn renew_saga(&self, saga: SagaId, epoch: u64, lease: Duration) -> Result<bool, StoreError> {
        self.gate.store("renew", self.store.renew_saga(saga, epoch, lease)).await
    }

    async fn saga(&self, id: SagaId) -> Result<Option<SagaInstance>, StoreError> {
        self.gate.store("saga", self.store.saga(id)).await
    }

    async fn saga_by_key(&self, definition: &str, key: &str) -> Result<Option<SagaInstance>, StoreError> {
        self.gate.store("saga_by_key", self.store.saga_by_key(definition, key)).await
    }

    async fn saga_log(&self, id: SagaId, after: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        self.gate.store("saga_log", self.store.saga_log(id, after, limit)).await
    }

    async fn purge_saga_logs(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        self.store.purge_saga_logs(request).await
    }
}

#[async_trait]
impl OutboxStore for GatedStore {
    async fn claim(&self, request: &ClaimRequest) -> Result<Vec<OutboxRow>, StoreError> {
        self.store.claim(request).await
    }

    async fn settle(&self, token: ClaimToken, settlements: &[Settlement]) -> Result<Vec<bool>, StoreError> {
        self.store.settle(token, settlements).await
    }

    async fn tail(&self, after: u64, limit: usize) -> Result<Vec<(OutboxRow, OutboxState)>, StoreError> {
        self.store.tail(after, limit).await
    }

    async fn dead_rows(&self, limit: usize) -> Result<Vec<(OutboxRow, SmolStr)>, StoreError> {
        self.store.dead_rows(limit).await
    }

    async fn redrive(&self, request: &RedriveRequest) -> Result<u64, StoreError> {
        self.store.redrive(request).await
    }

    async fn purge_dispatched(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        self.store.purge_dispatched(request).await
    }

    async fn purge_dead(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        self.store.purge_dead(request).await
    }

    async fn next_available(&self) -> Result<Option<Timestamp>, StoreError> {
        self.store.next_available().await
    }
}

#[async_trait]
impl InboxStore for GatedStore {
    async fn dead_letters(&self, consumer: &str, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        self.store.dead_letters(consumer, limit).await
    }

    async fn purge_inbox(&self, consumer: &str, request: &PurgeRequest) -> Result<u64, StoreError> {
        self.store.purge_inbox(consumer, request).await
    }
}

struct GatedTransaction {
    inner: Box<dyn Transaction>,
    gate: Arc<Gate>,
}

#[async_trait]
impl Documents for GatedTransaction {
    async fn get(&mut self, collection: &str, id: &str) -> Result<Option<Document>, StoreError> {
        self.inner.get(collection, id).await
    }

    async fn put(&mut self, collection: &str, id: &str, expected: Expected, body: Bytes) -> Result<u64, StoreError> {
        self.gate.store("put", self.inner.put(collection, id, expected, body)).await
    }

    async fn delete(&mut self, collection: &str, id: &str, expected: Expected) -> Result<(), StoreError> {
        self.inner.delete(collection, id, expected).await
    }

    async fn scan(
        &mut self,
        collection: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(SmolStr, Document)>, StoreError> {
        self.inner.scan(collection, after, limit).await
    }
}

#[async_trait]
impl OutboxWrites for GatedTransaction {
    async fn stage(&mut self, message: &Message) -> Result<(), StoreError> {
        self.inner.stage(message).await
    }

    async fn outbox_dispatched(&mut self, messages: &[MessageId]) -> Result<Vec<bool>, StoreError> {
        self.inner.outbox_dispatched(messages).await
    }

    async fn outbox_bury(&mut self, message: MessageId, reason: &str) -> Result<bool, StoreError> {
        self.inner.outbox_bury(message, reason).await
    }
}

#[async_trait]
impl InboxWrites for GatedTransaction {
    async fn inbox_insert(&mut self, entry: &InboxEntry) -> Result<InboxInsert, StoreError> {
        self.inner.inbox_insert(entry).await
    }

    async fn inbox_failed(&mut self, entry: &InboxEntry, error: &str) -> Result<u32, StoreError> {
        self.inner.inbox_failed(entry, error).await
    }

    async fn inbox_bury(&mut self, entry: &InboxEntry, message: &Message, reason: &str) -> Result<(), StoreError> {
        self.inner.inbox_bury(entry, message, reason).await
    }

    async fn inbox_exhume(&mut self, entry: &InboxEntry) -> Result<bool, StoreError> {
        self.inner.inbox_exhume(entry).await
    }
}

#[async_trait]
impl SagaWrites for GatedTransaction {
    async fn saga_create(&mut self, saga: &NewSaga) -> Result<SagaCreate, StoreError> {
        self.gate.store("create", self.inner.saga_create(saga)).await
    }

    async fn saga_append(&mut self, append: &SagaAppend) -> Result<(), StoreError> {
        self.gate.store("append", self.inner.saga_append(append)).await
    }
}

#[async_trait]
impl Participants for GatedTransaction {
    async fn operation(&mut self, id: OperationId) -> Result<Option<OperationState>, StoreError> {
        self.inner.operation(id).await
    }

    async fn put_operation(&mut self, record: &OperationRecord) -> Result<(), StoreError> {
        self.inner.put_operation(record).await
    }
}

#[async_trait]
impl Transaction for GatedTransaction {
    async fn checkpoint(&mut self, consumer: &str) -> Result<Option<u64>, StoreError> {
        self.inner.checkpoint(consumer).await
    }

    async fn set_checkpoint(&mut self, consumer: &str, position: u64) -> Result<(), StoreError> {
        self.inner.set_checkpoint(consumer, position).await
    }

    async fn raw_connection(&mut self) -> Result<&mut (dyn Any + Send), StoreError> {
        self.inner.raw_connection().await
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        let gate = self.gate.clone();
        gate.store("commit", self.inner.commit()).await
    }
}
