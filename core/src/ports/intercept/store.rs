use std::time::Duration;

use async_trait::async_trait;
use smol_str::SmolStr;

use super::{Intercept, Intercepted, transaction::InterceptedTransaction};
use crate::{
    ids::{ClaimToken, SagaId},
    ports::{
        AcquireRequest, Backlog, Call, ClaimRequest, DeadLetter, InboxStore, LogEntry, OutboxRow, OutboxState,
        OutboxStore, Parts, PurgeRequest, RedriveRequest, SagaInstance, SagaStore, Settlement, Store, StoreError,
        Timestamp, Transaction,
    },
};

#[async_trait]
impl<I: Intercept> Store for Intercepted<dyn Store, I>
where
    I::Transaction: 'static,
{
    fn parts(&self) -> Parts {
        self.inner.parts()
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        let (inner, watch) = self.intercept.begin(self.inner.begin()).await?;
        Ok(Box::new(InterceptedTransaction::new(inner, watch)))
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.intercept.call(Call::Backlog, self.inner.backlog()).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.intercept.call(Call::Now, self.inner.now()).await
    }

    async fn watch(&self, tables: &[SmolStr]) -> Result<(), StoreError> {
        self.inner.watch(tables).await
    }
}

#[async_trait]
impl<I: Intercept> OutboxStore for Intercepted<dyn Store, I> {
    async fn claim(&self, request: &ClaimRequest) -> Result<Vec<OutboxRow>, StoreError> {
        self.intercept.call(Call::Claim { request }, self.inner.claim(request)).await
    }

    async fn settle(&self, token: ClaimToken, settlements: &[Settlement]) -> Result<Vec<bool>, StoreError> {
        self.intercept.call(Call::Settle { token, settlements }, self.inner.settle(token, settlements)).await
    }

    async fn tail(&self, after: u64, limit: usize) -> Result<Vec<(OutboxRow, OutboxState)>, StoreError> {
        self.intercept.call(Call::Tail { after, limit }, self.inner.tail(after, limit)).await
    }

    async fn dead_rows(&self, limit: usize) -> Result<Vec<(OutboxRow, SmolStr)>, StoreError> {
        self.intercept.call(Call::DeadRows { limit }, self.inner.dead_rows(limit)).await
    }

    async fn redrive(&self, request: &RedriveRequest) -> Result<u64, StoreError> {
        self.intercept.call(Call::Redrive { request }, self.inner.redrive(request)).await
    }

    async fn purge_dispatched(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        self.intercept.call(Call::PurgeDispatched { request }, self.inner.purge_dispatched(request)).await
    }

    async fn purge_dead(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        self.intercept.call(Call::PurgeDead { request }, self.inner.purge_dead(request)).await
    }

    async fn next_available(&self) -> Result<Option<Timestamp>, StoreError> {
        self.intercept.call(Call::NextAvailable, self.inner.next_available()).await
    }
}

#[async_trait]
impl<I: Intercept> InboxStore for Intercepted<dyn Store, I> {
    async fn dead_letters(&self, consumer: &str, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        self.intercept.call(Call::DeadLetters { consumer, limit }, self.inner.dead_letters(consumer, limit)).await
    }

    async fn purge_inbox(&self, consumer: &str, request: &PurgeRequest) -> Result<u64, StoreError> {
        self.intercept.call(Call::PurgeInbox { consumer, request }, self.inner.purge_inbox(consumer, request)).await
    }
}

#[async_trait]
impl<I: Intercept> SagaStore for Intercepted<dyn Store, I> {
    async fn acquire_sagas(&self, request: &AcquireRequest) -> Result<Vec<SagaInstance>, StoreError> {
        self.intercept.call(Call::AcquireSagas { request }, self.inner.acquire_sagas(request)).await
    }

    async fn renew_saga(&self, saga: SagaId, epoch: u64, lease: Duration) -> Result<bool, StoreError> {
        self.intercept.call(Call::RenewSaga { saga, epoch, lease }, self.inner.renew_saga(saga, epoch, lease)).await
    }

    async fn saga(&self, id: SagaId) -> Result<Option<SagaInstance>, StoreError> {
        self.intercept.call(Call::Saga { saga: id }, self.inner.saga(id)).await
    }

    async fn saga_by_key(&self, definition: &str, key: &str) -> Result<Option<SagaInstance>, StoreError> {
        self.intercept.call(Call::SagaByKey { definition, key }, self.inner.saga_by_key(definition, key)).await
    }

    async fn saga_log(&self, id: SagaId, after: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        self.intercept.call(Call::SagaLog { saga: id, after, limit }, self.inner.saga_log(id, after, limit)).await
    }

    async fn purge_saga_logs(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        self.intercept.call(Call::PurgeSagaLogs { request }, self.inner.purge_saga_logs(request)).await
    }
}
