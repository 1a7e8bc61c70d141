//! The bugs of the sagas.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    ids::SagaId,
    ports::{
        AcquireRequest, DelegateStore, ListedSaga, LogEntry, PurgeRequest, SagaInstance, SagaListRequest, SagaStatus,
        Store, StoreError,
    },
};

use super::{Broken, Bug};

/// The layer whose sagas are broken.
pub(super) struct BrokenSagas(pub(super) Broken);

#[async_trait]
impl DelegateStore for BrokenSagas {
    fn inner(&self) -> &dyn Store {
        &*self.0.inner
    }

    async fn acquire_sagas(&self, request: &AcquireRequest) -> Result<Vec<SagaInstance>, StoreError> {
        let mut asked = request.clone();
        if self.0.has(Bug::IgnoresSagaLeases) {
            asked.lease = Duration::ZERO;
        }
        if self.0.has(Bug::IgnoresOperators) && asked.only.is_some() {
            return Ok(Vec::new());
        }
        let mut taken = self.0.inner.acquire_sagas(&asked).await?;
        if self.0.has(Bug::RevivesSagas) && asked.only.is_none() {
            let known = self.0.notes().sagas.clone();
            for id in known {
                let stuck = self.0.inner.saga(id).await?.is_some_and(|saga| saga.status == SagaStatus::Stuck);
                if stuck && taken.len() < asked.limit {
                    taken
                        .extend(self.0.inner.acquire_sagas(&AcquireRequest { only: Some(id), ..asked.clone() }).await?);
                }
            }
        }
        Ok(taken)
    }

    async fn renew_saga(&self, saga: SagaId, epoch: u64, lease: Duration) -> Result<bool, StoreError> {
        let lease = if self.0.has(Bug::IgnoresSagaLeases) { Duration::ZERO } else { lease };
        if self.0.has(Bug::RenewsForAnyone)
            && let Some(found) = self.0.inner.saga(saga).await?
        {
            return self.0.inner.renew_saga(saga, found.epoch, lease).await;
        }
        self.0.inner.renew_saga(saga, epoch, lease).await
    }

    async fn saga(&self, id: SagaId) -> Result<Option<SagaInstance>, StoreError> {
        let mut found = self.0.inner.saga(id).await?;
        if let Some(saga) = &mut found
            && self.0.has(Bug::LosesSagaInputs)
        {
            saga.input = Bytes::new();
        }
        Ok(found)
    }

    async fn sagas(&self, request: &SagaListRequest) -> Result<Vec<ListedSaga>, StoreError> {
        if self.0.has(Bug::ListsAnySaga) {
            return self.0.inner.sagas(&SagaListRequest::new(request.limit).after(request.after)).await;
        }
        let mut asked = request.clone();
        asked.asleep &= !self.0.has(Bug::ListsSagasThatAreAwake);
        asked.reason = asked.reason.filter(|_| !self.0.has(Bug::ListsSagasForAnyReason));
        let mut listed = self.0.inner.sagas(&asked).await?;
        if self.0.has(Bug::ListsSagasSinceTheirStart) {
            listed.iter_mut().for_each(|listed| listed.since = listed.started_at);
        }
        Ok(listed)
    }

    async fn saga_log(&self, id: SagaId, after: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        let mut log = self.0.inner.saga_log(id, after, limit).await?;
        if self.0.has(Bug::NumbersLogsFromZero) {
            log.iter_mut().for_each(|entry| entry.sequence -= 1);
        }
        Ok(log)
    }

    async fn purge_saga_logs(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        self.0.inner.purge_saga_logs(&self.0.purge_request(request)).await
    }

    async fn purge_sagas(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        if self.0.has(Bug::KeepsForgottenSagas) {
            return Ok(0);
        }
        self.0.inner.purge_sagas(&self.0.purge_request(request)).await
    }
}
