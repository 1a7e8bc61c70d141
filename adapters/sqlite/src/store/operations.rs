//! The store's side of participants' operations.

use async_trait::async_trait;
use seaworthy_core::ports::{OperationStore, PurgeRequest, StoreError};

use super::{SqliteStore, doing};
use crate::participants;

#[async_trait]
impl OperationStore for SqliteStore {
    async fn purge_operations(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        self.write(doing("purge operations", |connection, now| {
            participants::purge(connection, now.before(request.older_than), request.limit)
        }))
        .await
    }
}
