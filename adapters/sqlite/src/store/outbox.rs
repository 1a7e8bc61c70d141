//! The store's side of the outbox.

use async_trait::async_trait;
use seaworthy_core::{
    ids::{ClaimToken, MessageId},
    ports::{
        ClaimRequest, OutboxRow, OutboxState, OutboxStore, PurgeRequest, RedriveRequest, Settlement, StoreError,
        Timestamp,
    },
};
use smol_str::SmolStr;

use super::{SqliteStore, doing};
use crate::{error::in_statement, outbox};

#[async_trait]
impl OutboxStore for SqliteStore {
    async fn claim(&self, request: &ClaimRequest) -> Result<Vec<OutboxRow>, StoreError> {
        self.write(doing("claim", |connection, now| outbox::claim(connection, request, now))).await
    }

    async fn settle(&self, token: ClaimToken, settlements: &[Settlement]) -> Result<Vec<bool>, StoreError> {
        self.write(doing("settle", |connection, now| outbox::settle(connection, token, settlements, now))).await
    }

    async fn tail(&self, after: u64, limit: usize) -> Result<Vec<(OutboxRow, OutboxState)>, StoreError> {
        let now = self.time();
        self.read(|connection| {
            outbox::tail(connection, after, limit, now).map_err(|failure| in_statement("read the log", &failure))
        })
        .await
    }

    async fn dead_rows(&self, limit: usize) -> Result<Vec<(OutboxRow, SmolStr)>, StoreError> {
        self.read(|connection| {
            outbox::dead_rows(connection, limit).map_err(|failure| in_statement("read dead rows", &failure))
        })
        .await
    }

    async fn redrive(&self, request: &RedriveRequest) -> Result<Vec<MessageId>, StoreError> {
        self.write(doing("redrive", |connection, _| outbox::redrive(connection, request))).await
    }

    async fn purge_dispatched(&self, request: &PurgeRequest) -> Result<Vec<MessageId>, StoreError> {
        self.write(doing("purge dispatched rows", |connection, now| {
            outbox::purge_dispatched(connection, now.before(request.older_than), request.limit)
        }))
        .await
    }

    async fn purge_dead(&self, request: &PurgeRequest) -> Result<Vec<MessageId>, StoreError> {
        self.write(doing("purge dead rows", |connection, now| {
            outbox::purge_dead(connection, now.before(request.older_than), request.limit)
        }))
        .await
    }

    async fn next_available(&self) -> Result<Option<Timestamp>, StoreError> {
        let now = self.time();
        self.read(|connection| {
            outbox::next_available(connection, now).map_err(|failure| in_statement("read next available row", &failure))
        })
        .await
    }
}
