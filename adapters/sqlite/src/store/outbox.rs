//! The store's side of the outbox.

use async_trait::async_trait;
use seaworthy_core::{
    ids::{ClaimToken, MessageId},
    ports::{
        ClaimRequest, DeadRow, DeadRowRequest, OutboxRow, OutboxStore, PurgeRequest, RepublishRequest, Settlement,
        StoreError, TailRequest, Timestamp,
    },
};

use super::{SqliteStore, doing};
use crate::{error::in_statement, outbox};

#[async_trait]
impl OutboxStore for SqliteStore {
    async fn claim(&self, request: &ClaimRequest) -> Result<Vec<OutboxRow>, StoreError> {
        self.write(doing("claim", |connection, now| {
            let mut rows = outbox::claim(connection, request, now)?;
            self.epochs().stamp_rows(&mut rows);
            Ok(rows)
        }))
        .await
    }

    async fn settle(&self, token: ClaimToken, settlements: &[Settlement]) -> Result<Vec<bool>, StoreError> {
        self.write(doing("settle", |connection, now| outbox::settle(connection, token, settlements, now))).await
    }

    async fn tail(&self, request: &TailRequest) -> Result<Vec<OutboxRow>, StoreError> {
        loop {
            let now = self.time();
            let (mut rows, unread) = self
                .read(|connection| {
                    outbox::tail(connection, request, now).map_err(|failure| in_statement("read the log", &failure))
                })
                .await?;
            if unread.is_empty() {
                self.epochs().stamp_rows(&mut rows);
                return Ok(rows);
            }
            // Read again: what was to follow them waits for them now.
            let bury =
                doing("bury what can't be read", |connection, now| outbox::bury_unread(connection, &unread, now));
            self.write(bury).await?;
        }
    }

    async fn dead_rows(&self, request: &DeadRowRequest) -> Result<Vec<DeadRow>, StoreError> {
        self.read(|connection| {
            let rows = outbox::dead_rows(connection, request);
            let mut rows = rows.map_err(|failure| in_statement("read dead rows", &failure))?;
            self.epochs().stamp_rows(rows.iter_mut().map(|dead| &mut dead.row));
            Ok(rows)
        })
        .await
    }

    async fn redrive(&self, request: &DeadRowRequest) -> Result<Vec<MessageId>, StoreError> {
        self.write(doing("redrive", |connection, _| outbox::redrive(connection, request))).await
    }

    async fn purge_dispatched(&self, request: &PurgeRequest) -> Result<Vec<MessageId>, StoreError> {
        self.write(doing("purge dispatched rows", |connection, now| {
            outbox::purge_dispatched(connection, now.before(request.older_than), request.limit)
        }))
        .await
    }

    async fn purge_dead(&self, request: &DeadRowRequest) -> Result<Vec<MessageId>, StoreError> {
        self.write(doing("purge dead rows", |connection, _| outbox::purge_dead(connection, request))).await
    }

    async fn republish(&self, request: &RepublishRequest) -> Result<Vec<MessageId>, StoreError> {
        self.write(doing("republish", |connection, _| outbox::republish(connection, request))).await
    }

    async fn next_available(&self) -> Result<Option<Timestamp>, StoreError> {
        let now = self.time();
        self.read(|connection| {
            outbox::next_available(connection, now).map_err(|failure| in_statement("read next available row", &failure))
        })
        .await
    }
}
