//! A store that counts its calls and fails one of them.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::pending;
use seaworthy_core::{ids::SagaId, ports::*};
use seaworthy_sim::store::MemoryStore;

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
    /// How long a call takes before its effect, and as long again after it.
    pace: Duration,
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

    /// Strikes nothing, and takes its time about every call.
    pub(crate) fn slow(pace: Duration) -> Arc<Self> {
        Arc::new(Self { pace, ..Self::default() })
    }

    async fn pace(&self) {
        if !self.pace.is_zero() {
            madsim::time::sleep(self.pace).await;
        }
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
        self.pace().await;
        let answer = call.await;
        self.pace().await;
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
impl DelegateStore for GatedStore {
    fn inner(&self) -> &dyn Store {
        &self.store
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        let inner = self.gate.store("begin", self.store.begin()).await?;
        Ok(Box::new(GatedTransaction { inner, gate: self.gate.clone() }))
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.gate.store("now", self.store.now()).await
    }

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
}

struct GatedTransaction {
    inner: Box<dyn Transaction>,
    gate: Arc<Gate>,
}

#[async_trait]
impl DelegateTransaction for GatedTransaction {
    fn inner(&mut self) -> &mut dyn Transaction {
        &mut *self.inner
    }

    fn into_inner(self: Box<Self>) -> Box<dyn Transaction> {
        self.inner
    }

    async fn put(&mut self, collection: &str, id: &str, expected: Expected, body: Bytes) -> Result<u64, StoreError> {
        self.gate.store("put", self.inner.put(collection, id, expected, body)).await
    }

    async fn saga_create(&mut self, saga: &NewSaga) -> Result<SagaCreate, StoreError> {
        self.gate.store("create", self.inner.saga_create(saga)).await
    }

    async fn saga_append(&mut self, append: &SagaAppend) -> Result<(), StoreError> {
        self.gate.store("append", self.inner.saga_append(append)).await
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        let gate = self.gate.clone();
        gate.store("commit", self.inner.commit()).await
    }
}
