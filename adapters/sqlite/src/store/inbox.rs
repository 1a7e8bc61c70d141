//! The store's side of the inbox.

use async_trait::async_trait;
use seaworthy_core::{
    ids::MessageId,
    ports::{DeadLetter, DeadLetterRequest, InboxPurgeRequest, InboxStore, StoreError},
};

use super::{SqliteStore, doing};
use crate::{error::in_statement, inbox};

#[async_trait]
impl InboxStore for SqliteStore {
    async fn dead_letters(&self, request: &DeadLetterRequest) -> Result<Vec<DeadLetter>, StoreError> {
        self.read(|connection| {
            inbox::dead_letters(connection, request).map_err(|failure| in_statement("read dead letters", &failure))
        })
        .await
    }

    async fn ask_redrive(&self, request: &DeadLetterRequest) -> Result<Vec<MessageId>, StoreError> {
        self.write(doing("ask for dead letters", |connection, now| inbox::ask_redrive(connection, request, now))).await
    }

    async fn purge_inbox(&self, consumer: &str, request: &InboxPurgeRequest) -> Result<u64, StoreError> {
        self.write(doing("purge inbox", |connection, now| inbox::purge(connection, consumer, request, now))).await
    }
}
