//! The store's side of its parts: each method runs a function of its part, in a short transaction or beside them.

use std::time::Duration;

use async_trait::async_trait;
use seaworthy_core::{
    ids::{ClaimToken, MessageId, SagaId},
    ports::{
        AcquireRequest, ClaimRequest, DeadLetter, DeadLetterRequest, DeadRow, DeadRowRequest, EventStore,
        InboxPurgeRequest, InboxStore, ListedSaga, LogEntry, OperationStore, OutboxRow, OutboxStore, PurgeRequest,
        RecordedEvent, RepublishRequest, SagaInstance, SagaListRequest, SagaStore, Settlement, StoreError, TailRequest,
        Timestamp,
    },
};

use super::RedbStore;
use crate::{events, inbox, outbox, participants, saga};

impl RedbStore {
    /// Counts the rows that [`republish`](OutboxStore::republish) would make pending again: for a tool that says first what it
    /// would do.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn count_dispatched(&self, request: &RepublishRequest) -> Result<u64, StoreError> {
        self.read(|view| outbox::count_dispatched(view, request)).await
    }
}

#[async_trait]
impl OutboxStore for RedbStore {
    async fn claim(&self, request: &ClaimRequest) -> Result<Vec<OutboxRow>, StoreError> {
        self.write(|tables, now| outbox::claim(tables, request, now)).await
    }

    async fn settle(&self, token: ClaimToken, settlements: &[Settlement]) -> Result<Vec<bool>, StoreError> {
        self.write(|tables, now| outbox::settle(tables, token, settlements, now)).await
    }

    async fn tail(&self, request: &TailRequest) -> Result<Vec<OutboxRow>, StoreError> {
        loop {
            let now = self.time();
            let (rows, unread) = self.read(|view| outbox::tail(view, request, now)).await?;
            if unread.is_empty() {
                return Ok(rows);
            }
            // Read again: what was to follow them waits for them now.
            self.write(|tables, now| outbox::bury_unread(tables, &unread, now)).await?;
        }
    }

    async fn dead_rows(&self, request: &DeadRowRequest) -> Result<Vec<DeadRow>, StoreError> {
        self.read(|view| outbox::dead_rows(view, request)).await
    }

    async fn redrive(&self, request: &DeadRowRequest) -> Result<Vec<MessageId>, StoreError> {
        self.write(|tables, _| outbox::redrive(tables, request)).await
    }

    async fn purge_dispatched(&self, request: &PurgeRequest) -> Result<Vec<MessageId>, StoreError> {
        self.write(|tables, now| outbox::purge_dispatched(tables, now.before(request.older_than), request.limit)).await
    }

    async fn purge_dead(&self, request: &DeadRowRequest) -> Result<Vec<MessageId>, StoreError> {
        self.write(|tables, _| outbox::purge_dead(tables, request)).await
    }

    async fn republish(&self, request: &RepublishRequest) -> Result<Vec<MessageId>, StoreError> {
        self.write(|tables, _| outbox::republish(tables, request)).await
    }

    async fn next_available(&self) -> Result<Option<Timestamp>, StoreError> {
        let now = self.time();
        self.read(|view| outbox::next_available(view, now)).await
    }
}

#[async_trait]
impl InboxStore for RedbStore {
    async fn dead_letters(&self, request: &DeadLetterRequest) -> Result<Vec<DeadLetter>, StoreError> {
        self.read(|view| inbox::dead_letters(view, request)).await
    }

    async fn ask_redrive(&self, request: &DeadLetterRequest) -> Result<Vec<MessageId>, StoreError> {
        self.write(|tables, now| inbox::ask_redrive(tables, request, now)).await
    }

    async fn purge_inbox(&self, consumer: &str, request: &InboxPurgeRequest) -> Result<u64, StoreError> {
        self.write(|tables, now| inbox::purge(tables, consumer, request, now)).await
    }
}

#[async_trait]
impl SagaStore for RedbStore {
    async fn acquire_sagas(&self, request: &AcquireRequest) -> Result<Vec<SagaInstance>, StoreError> {
        self.write(|tables, now| saga::acquire(tables, request, now)).await
    }

    async fn renew_saga(&self, saga: SagaId, epoch: u64, lease: Duration) -> Result<bool, StoreError> {
        self.write(|tables, now| saga::renew(tables, saga, epoch, lease, now)).await
    }

    async fn saga(&self, id: SagaId) -> Result<Option<SagaInstance>, StoreError> {
        self.read(|view| saga::instance(view, id)).await
    }

    async fn saga_by_key(&self, definition: &str, key: &str) -> Result<Option<SagaInstance>, StoreError> {
        self.read(|view| saga::by_key(view, definition, key)).await
    }

    async fn sagas(&self, request: &SagaListRequest) -> Result<Vec<ListedSaga>, StoreError> {
        let now = self.time();
        self.read(|view| saga::list(view, request, now)).await
    }

    async fn saga_log(&self, id: SagaId, after: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        self.read(|view| saga::entries(view, id, after, limit)).await
    }

    async fn purge_saga_logs(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        self.write(|tables, now| saga::purge_logs(tables, now.before(request.older_than), request.limit)).await
    }

    async fn purge_sagas(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        self.write(|tables, now| saga::purge_sagas(tables, now.before(request.older_than), request.limit)).await
    }
}

#[async_trait]
impl OperationStore for RedbStore {
    async fn purge_operations(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        self.write(|tables, now| participants::purge(tables, now.before(request.older_than), request.limit)).await
    }
}

#[async_trait]
impl EventStore for RedbStore {
    async fn read_events(&self, after: u64, limit: usize) -> Result<Vec<RecordedEvent>, StoreError> {
        self.read(|view| events::log(view, after, limit)).await
    }
}
