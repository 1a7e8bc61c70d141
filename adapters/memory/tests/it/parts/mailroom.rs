//! A store with an outbox and nothing else, as for a service whose own state lies elsewhere.

use std::sync::Arc;

use async_trait::async_trait;
use seaworthy_core::{
    ids::{ClaimToken, MessageId},
    message::Message,
    ports::{
        AfterCommit, Backlog, Checkpoints, ClaimRequest, DeadRow, DeadRowRequest, Documents, EventStore, EventWrites,
        InboxStore, InboxWrites, OperationStore, OutboxRow, OutboxStore, OutboxWrites, Part, Participants, Parts,
        PurgeRequest, RepublishRequest, SagaStore, SagaWrites, Settlement, Store, StoreError, TailRequest, Timestamp,
        Transaction, WhenDead,
    },
};
use seaworthy_memory::{ManualClock, store::MemoryStore};

/// The table of an outbox, kept in the memory store's; nothing of its other tables can be reached.
pub(super) struct Mailroom(MemoryStore);

impl Mailroom {
    pub(super) fn new(clock: Arc<ManualClock>) -> Self {
        Self(MemoryStore::new(clock))
    }
}

#[async_trait]
impl Store for Mailroom {
    fn parts(&self) -> Parts {
        Parts::new(&[Part::Outbox])
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        Ok(Box::new(Posting(self.0.begin().await?)))
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.0.backlog().await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.0.now().await
    }
}

#[async_trait]
impl OutboxStore for Mailroom {
    async fn claim(&self, request: &ClaimRequest) -> Result<Vec<OutboxRow>, StoreError> {
        self.0.claim(request).await
    }

    async fn settle(&self, token: ClaimToken, settlements: &[Settlement]) -> Result<Vec<bool>, StoreError> {
        self.0.settle(token, settlements).await
    }

    async fn tail(&self, request: &TailRequest) -> Result<Vec<OutboxRow>, StoreError> {
        self.0.tail(request).await
    }

    async fn dead_rows(&self, request: &DeadRowRequest) -> Result<Vec<DeadRow>, StoreError> {
        self.0.dead_rows(request).await
    }

    async fn redrive(&self, request: &DeadRowRequest) -> Result<Vec<MessageId>, StoreError> {
        self.0.redrive(request).await
    }

    async fn purge_dispatched(&self, request: &PurgeRequest) -> Result<Vec<MessageId>, StoreError> {
        self.0.purge_dispatched(request).await
    }

    async fn purge_dead(&self, request: &DeadRowRequest) -> Result<Vec<MessageId>, StoreError> {
        self.0.purge_dead(request).await
    }

    async fn republish(&self, request: &RepublishRequest) -> Result<Vec<MessageId>, StoreError> {
        self.0.republish(request).await
    }

    async fn next_available(&self) -> Result<Option<Timestamp>, StoreError> {
        self.0.next_available().await
    }
}

impl InboxStore for Mailroom {}
impl SagaStore for Mailroom {}
impl OperationStore for Mailroom {}
impl EventStore for Mailroom {}

struct Posting(Box<dyn Transaction>);

#[async_trait]
impl Transaction for Posting {
    async fn now(&mut self) -> Result<Timestamp, StoreError> {
        self.0.now().await
    }

    fn after_commit(&mut self, work: AfterCommit) {
        self.0.after_commit(work);
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.0.commit().await
    }
}

#[async_trait]
impl OutboxWrites for Posting {
    async fn stage(&mut self, message: &Message) -> Result<(), StoreError> {
        self.0.stage(message).await
    }

    async fn outbox_dispatched(&mut self, messages: &[MessageId]) -> Result<Vec<bool>, StoreError> {
        self.0.outbox_dispatched(messages).await
    }

    async fn outbox_bury(&mut self, message: MessageId, reason: &str) -> Result<bool, StoreError> {
        self.0.outbox_bury(message, reason).await
    }

    async fn outbox_attempt(&mut self, message: MessageId, begins: bool) -> Result<bool, StoreError> {
        self.0.outbox_attempt(message, begins).await
    }

    async fn outbox_settled_to(&mut self, when_dead: WhenDead) -> Result<u64, StoreError> {
        self.0.outbox_settled_to(when_dead).await
    }
}

impl Documents for Posting {}
impl InboxWrites for Posting {}
impl SagaWrites for Posting {}
impl Participants for Posting {}
impl Checkpoints for Posting {}
impl EventWrites for Posting {}
