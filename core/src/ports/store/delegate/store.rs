use std::time::Duration;

use async_trait::async_trait;
use smol_str::SmolStr;

use crate::{
    ids::{ClaimToken, SagaId},
    ports::{
        AcquireRequest, Backlog, ClaimRequest, DeadLetter, InboxStore, LogEntry, OutboxRow, OutboxState, OutboxStore,
        Parts, PurgeRequest, RedriveRequest, SagaInstance, SagaStore, Settlement, Store, StoreError, Timestamp,
        Transaction,
    },
};

/// A store that passes everything on to an inner one, but for what it overrides: whatever implements this trait is a
/// [`Store`].
///
/// It is for what stands between a service and its store: counting, timing, a bug planted for a test. What a transaction
/// does is overridden in a [`DelegateTransaction`](super::DelegateTransaction) that [`begin`](Self::begin) returns.
///
/// ```
/// use std::sync::Arc;
/// use seaworthy_core::ports::{DelegateStore, PurgeRequest, Store, StoreError};
///
/// /// A store that never forgets what it has sent.
/// struct Archive(Arc<dyn Store>);
///
/// #[async_trait::async_trait]
/// impl DelegateStore for Archive {
///     fn inner(&self) -> &dyn Store {
///         &*self.0
///     }
///
///     async fn purge_dispatched(&self, _: &PurgeRequest) -> Result<u64, StoreError> {
///         Ok(0)
///     }
/// }
///
/// fn archived(store: Arc<dyn Store>) -> Arc<dyn Store> {
///     Arc::new(Archive(store))
/// }
/// ```
#[async_trait]
pub trait DelegateStore: Send + Sync {
    /// Returns the store that calls are delegated to.
    fn inner(&self) -> &dyn Store;

    /// Delegates to [`Store::parts`].
    fn parts(&self) -> Parts {
        self.inner().parts()
    }

    /// Delegates to [`Store::begin`].
    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        self.inner().begin().await
    }

    /// Delegates to [`Store::backlog`].
    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.inner().backlog().await
    }

    /// Delegates to [`Store::now`].
    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.inner().now().await
    }

    /// Delegates to [`Store::watch`].
    async fn watch(&self, tables: &[SmolStr]) -> Result<(), StoreError> {
        self.inner().watch(tables).await
    }

    /// Delegates to [`OutboxStore::claim`].
    async fn claim(&self, request: &ClaimRequest) -> Result<Vec<OutboxRow>, StoreError> {
        self.inner().claim(request).await
    }

    /// Delegates to [`OutboxStore::settle`].
    async fn settle(&self, token: ClaimToken, settlements: &[Settlement]) -> Result<Vec<bool>, StoreError> {
        self.inner().settle(token, settlements).await
    }

    /// Delegates to [`OutboxStore::tail`].
    async fn tail(&self, after: u64, limit: usize) -> Result<Vec<(OutboxRow, OutboxState)>, StoreError> {
        self.inner().tail(after, limit).await
    }

    /// Delegates to [`OutboxStore::dead_rows`].
    async fn dead_rows(&self, limit: usize) -> Result<Vec<(OutboxRow, SmolStr)>, StoreError> {
        self.inner().dead_rows(limit).await
    }

    /// Delegates to [`OutboxStore::redrive`].
    async fn redrive(&self, request: &RedriveRequest) -> Result<u64, StoreError> {
        self.inner().redrive(request).await
    }

    /// Delegates to [`OutboxStore::purge_dispatched`].
    async fn purge_dispatched(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        self.inner().purge_dispatched(request).await
    }

    /// Delegates to [`OutboxStore::purge_dead`].
    async fn purge_dead(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        self.inner().purge_dead(request).await
    }

    /// Delegates to [`OutboxStore::next_available`].
    async fn next_available(&self) -> Result<Option<Timestamp>, StoreError> {
        self.inner().next_available().await
    }

    /// Delegates to [`InboxStore::dead_letters`].
    async fn dead_letters(&self, consumer: &str, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        self.inner().dead_letters(consumer, limit).await
    }

    /// Delegates to [`InboxStore::purge_inbox`].
    async fn purge_inbox(&self, consumer: &str, request: &PurgeRequest) -> Result<u64, StoreError> {
        self.inner().purge_inbox(consumer, request).await
    }

    /// Delegates to [`SagaStore::acquire_sagas`].
    async fn acquire_sagas(&self, request: &AcquireRequest) -> Result<Vec<SagaInstance>, StoreError> {
        self.inner().acquire_sagas(request).await
    }

    /// Delegates to [`SagaStore::renew_saga`].
    async fn renew_saga(&self, saga: SagaId, epoch: u64, lease: Duration) -> Result<bool, StoreError> {
        self.inner().renew_saga(saga, epoch, lease).await
    }

    /// Delegates to [`SagaStore::saga`].
    async fn saga(&self, id: SagaId) -> Result<Option<SagaInstance>, StoreError> {
        self.inner().saga(id).await
    }

    /// Delegates to [`SagaStore::saga_by_key`].
    async fn saga_by_key(&self, definition: &str, key: &str) -> Result<Option<SagaInstance>, StoreError> {
        self.inner().saga_by_key(definition, key).await
    }

    /// Delegates to [`SagaStore::saga_log`].
    async fn saga_log(&self, id: SagaId, after: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        self.inner().saga_log(id, after, limit).await
    }

    /// Delegates to [`SagaStore::purge_saga_logs`].
    async fn purge_saga_logs(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        self.inner().purge_saga_logs(request).await
    }
}

#[async_trait]
impl<T: DelegateStore> Store for T {
    fn parts(&self) -> Parts {
        DelegateStore::parts(self)
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        DelegateStore::begin(self).await
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        DelegateStore::backlog(self).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        DelegateStore::now(self).await
    }

    async fn watch(&self, tables: &[SmolStr]) -> Result<(), StoreError> {
        DelegateStore::watch(self, tables).await
    }
}

#[async_trait]
impl<T: DelegateStore> OutboxStore for T {
    async fn claim(&self, request: &ClaimRequest) -> Result<Vec<OutboxRow>, StoreError> {
        DelegateStore::claim(self, request).await
    }

    async fn settle(&self, token: ClaimToken, settlements: &[Settlement]) -> Result<Vec<bool>, StoreError> {
        DelegateStore::settle(self, token, settlements).await
    }

    async fn tail(&self, after: u64, limit: usize) -> Result<Vec<(OutboxRow, OutboxState)>, StoreError> {
        DelegateStore::tail(self, after, limit).await
    }

    async fn dead_rows(&self, limit: usize) -> Result<Vec<(OutboxRow, SmolStr)>, StoreError> {
        DelegateStore::dead_rows(self, limit).await
    }

    async fn redrive(&self, request: &RedriveRequest) -> Result<u64, StoreError> {
        DelegateStore::redrive(self, request).await
    }

    async fn purge_dispatched(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        DelegateStore::purge_dispatched(self, request).await
    }

    async fn purge_dead(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        DelegateStore::purge_dead(self, request).await
    }

    async fn next_available(&self) -> Result<Option<Timestamp>, StoreError> {
        DelegateStore::next_available(self).await
    }
}

#[async_trait]
impl<T: DelegateStore> InboxStore for T {
    async fn dead_letters(&self, consumer: &str, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        DelegateStore::dead_letters(self, consumer, limit).await
    }

    async fn purge_inbox(&self, consumer: &str, request: &PurgeRequest) -> Result<u64, StoreError> {
        DelegateStore::purge_inbox(self, consumer, request).await
    }
}

#[async_trait]
impl<T: DelegateStore> SagaStore for T {
    async fn acquire_sagas(&self, request: &AcquireRequest) -> Result<Vec<SagaInstance>, StoreError> {
        DelegateStore::acquire_sagas(self, request).await
    }

    async fn renew_saga(&self, saga: SagaId, epoch: u64, lease: Duration) -> Result<bool, StoreError> {
        DelegateStore::renew_saga(self, saga, epoch, lease).await
    }

    async fn saga(&self, id: SagaId) -> Result<Option<SagaInstance>, StoreError> {
        DelegateStore::saga(self, id).await
    }

    async fn saga_by_key(&self, definition: &str, key: &str) -> Result<Option<SagaInstance>, StoreError> {
        DelegateStore::saga_by_key(self, definition, key).await
    }

    async fn saga_log(&self, id: SagaId, after: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        DelegateStore::saga_log(self, id, after, limit).await
    }

    async fn purge_saga_logs(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        DelegateStore::purge_saga_logs(self, request).await
    }
}
