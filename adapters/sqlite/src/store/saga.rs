//! The store's side of sagas.

use std::time::Duration;

use async_trait::async_trait;
use seaworthy_core::{
    ids::SagaId,
    ports::{AcquireRequest, ListedSaga, LogEntry, PurgeRequest, SagaInstance, SagaListRequest, SagaStore, StoreError},
};

use super::{SqliteStore, doing};
use crate::{columns::integer, error::in_statement, saga};

#[async_trait]
impl SagaStore for SqliteStore {
    async fn acquire_sagas(&self, request: &AcquireRequest) -> Result<Vec<SagaInstance>, StoreError> {
        self.write(doing("acquire sagas", |connection, now| saga::acquire(connection, request, now))).await
    }

    async fn renew_saga(&self, saga: SagaId, epoch: u64, lease: Duration) -> Result<bool, StoreError> {
        let epoch = integer(epoch, "epoch")?;
        self.write(doing("renew saga", |connection, now| saga::renew(connection, saga, epoch, lease, now))).await
    }

    async fn saga(&self, id: SagaId) -> Result<Option<SagaInstance>, StoreError> {
        self.read(|connection| saga::instance(connection, id).map_err(|failure| in_statement("read saga", &failure)))
            .await
    }

    async fn saga_by_key(&self, definition: &str, key: &str) -> Result<Option<SagaInstance>, StoreError> {
        self.read(|connection| {
            saga::by_key(connection, definition, key).map_err(|failure| in_statement("read saga by key", &failure))
        })
        .await
    }

    async fn sagas(&self, request: &SagaListRequest) -> Result<Vec<ListedSaga>, StoreError> {
        let now = self.time.now();
        self.read(|connection| {
            saga::list(connection, request, now).map_err(|failure| in_statement("list sagas", &failure))
        })
        .await
    }

    async fn saga_log(&self, id: SagaId, after: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        let after = integer(after, "log position")?;
        self.read(|connection| {
            saga::entries(connection, id, after, limit).map_err(|failure| in_statement("read saga log", &failure))
        })
        .await
    }

    async fn purge_saga_logs(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        self.write(doing("purge saga logs", |connection, now| {
            saga::purge(connection, now.before(request.older_than), request.limit)
        }))
        .await
    }

    async fn purge_sagas(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        self.write(doing("purge sagas", |connection, now| {
            saga::purge_sagas(connection, now.before(request.older_than), request.limit)
        }))
        .await
    }
}
