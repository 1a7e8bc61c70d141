use std::{any::Any, ops::Bound, pin::pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::{Either, select};
use seaworthy_core::{
    ids::{MessageId, OperationId},
    message::Message,
    ports::{
        AfterCommit, Appended, Checkpoints, Document, Documents, EventAppend, EventWrites, Expected, IdRange,
        InboxEntry, InboxInsert, InboxWrites, NewSaga, OperationRecord, OperationState, OutboxWrites, Participants,
        RecordedEvent, SagaAppend, SagaCreate, SagaInstance, SagaSignal, SagaWrites, StoreError, StreamSnapshot,
        Timestamp, Transaction, WhenDead,
    },
};
use smol_str::{SmolStr, format_smolstr};

use super::{
    model::{Attempt, StoreModel, Tx, bounds},
    shared_model::SharedModel,
};

/// An open transaction of a [`MemoryStore`](super::MemoryStore). Dropping it aborts it and wakes who waits for it.
pub(super) struct MemoryTransaction {
    shared: Arc<SharedModel>,
    /// `None` once it has been committed.
    tx: Option<Tx>,
    after: Vec<AfterCommit>,
    lock_wait: Option<Duration>,
}

impl MemoryTransaction {
    pub(super) fn new(shared: Arc<SharedModel>, tx: Tx, lock_wait: Option<Duration>) -> Self {
        Self { shared, tx: Some(tx), after: Vec::new(), lock_wait }
    }

    fn with<T>(&mut self, statement: impl FnOnce(&mut StoreModel, &mut Tx) -> T) -> T {
        let tx = self.tx.as_mut().expect("a transaction is used up by its commit only");
        statement(&mut self.shared.model(), tx)
    }

    /// Runs a statement that may have to wait for another transaction, without a lock while it waits.
    async fn when_free<T>(
        &mut self,
        mut statement: impl FnMut(&mut StoreModel, &mut Tx) -> Result<Attempt<T>, StoreError> + Send,
    ) -> Result<T, StoreError> {
        loop {
            let tx = self.tx.as_mut().expect("a transaction is used up by its commit only");
            let ended = {
                let mut model = self.shared.model();
                match statement(&mut model, tx)? {
                    Attempt::Done(answer) => return Ok(answer),
                    // Made while the model is locked: from here on no wake-up is missed.
                    Attempt::Blocked(until) => until.notified_owned(),
                }
            };
            match self.lock_wait {
                None => ended.await,
                Some(limit) => match select(pin!(ended), self.shared.clock().sleep(limit)).await {
                    Either::Left(_) => {}
                    Either::Right(_) => return Err(kept_waiting(limit)),
                },
            }
        }
    }
}

fn kept_waiting(limit: Duration) -> StoreError {
    StoreError::Unavailable(format_smolstr!(
        "another transaction has held what this one asks for, and has not ended for {limit:?}: wait for nothing in one"
    ))
}

impl Drop for MemoryTransaction {
    fn drop(&mut self) {
        if let Some(tx) = self.tx.take() {
            self.shared.model().abort(&tx);
        }
    }
}

#[async_trait]
impl Documents for MemoryTransaction {
    async fn get(&mut self, collection: &str, id: &str) -> Result<Option<Document>, StoreError> {
        Ok(self.with(|model, tx| model.get(tx, collection, id)))
    }

    async fn put(&mut self, collection: &str, id: &str, expected: Expected, body: Bytes) -> Result<u64, StoreError> {
        self.with(|model, tx| model.put(tx, collection, id, expected, body))
    }

    async fn put_if(
        &mut self,
        collection: &str,
        id: &str,
        expected: Expected,
        body: Bytes,
    ) -> Result<Option<u64>, StoreError> {
        self.with(|model, tx| model.put_if(tx, collection, id, expected, body))
    }

    async fn delete(&mut self, collection: &str, id: &str, expected: Expected) -> Result<(), StoreError> {
        self.with(|model, tx| model.delete(tx, collection, id, expected))
    }

    async fn delete_range(
        &mut self,
        collection: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<SmolStr>, StoreError> {
        self.with(|model, tx| model.delete_range(tx, collection, range, limit))
    }

    async fn scan(
        &mut self,
        collection: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(SmolStr, Document)>, StoreError> {
        let ids = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        Ok(self.with(|model, tx| model.scan(tx, collection, ids, limit)))
    }

    async fn scan_range(
        &mut self,
        collection: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<(SmolStr, Document)>, StoreError> {
        Ok(self.with(|model, tx| model.scan(tx, collection, bounds(range), limit)))
    }
}

#[async_trait]
impl OutboxWrites for MemoryTransaction {
    async fn stage(&mut self, message: &Message) -> Result<(), StoreError> {
        self.when_free(|model, tx| model.stage(tx, message)).await
    }

    async fn outbox_dispatched(&mut self, messages: &[MessageId]) -> Result<Vec<bool>, StoreError> {
        let now = self.shared.now();
        Ok(self.with(|model, tx| messages.iter().map(|message| model.mark(tx, *message, None, now)).collect()))
    }

    async fn outbox_bury(&mut self, message: MessageId, reason: &str) -> Result<bool, StoreError> {
        let now = self.shared.now();
        Ok(self.with(|model, tx| model.mark(tx, message, Some(reason.into()), now)))
    }

    async fn outbox_attempt(&mut self, message: MessageId, begins: bool) -> Result<bool, StoreError> {
        let now = self.shared.now();
        Ok(self.with(|model, tx| model.attempt(tx, message, begins, now)))
    }

    async fn outbox_settled_to(&mut self, when_dead: WhenDead) -> Result<u64, StoreError> {
        Ok(self.with(|model, tx| model.settled_to(tx, when_dead)))
    }
}

#[async_trait]
impl InboxWrites for MemoryTransaction {
    async fn inbox_insert(&mut self, entry: &InboxEntry) -> Result<InboxInsert, StoreError> {
        let now = self.shared.now();
        self.when_free(|model, tx| model.inbox_insert(tx, entry, now)).await
    }

    async fn inbox_failed(&mut self, entry: &InboxEntry, _error: &str) -> Result<u32, StoreError> {
        let now = self.shared.now();
        self.when_free(|model, tx| model.inbox_failed(tx, entry, now)).await
    }

    async fn inbox_bury(&mut self, entry: &InboxEntry, message: &Message, reason: &str) -> Result<(), StoreError> {
        let now = self.shared.now();
        self.when_free(|model, tx| model.inbox_bury(tx, entry, message, reason, now)).await
    }

    async fn inbox_exhume(&mut self, entry: &InboxEntry) -> Result<bool, StoreError> {
        let now = self.shared.now();
        self.when_free(|model, tx| model.inbox_exhume(tx, entry, now)).await
    }
}

#[async_trait]
impl SagaWrites for MemoryTransaction {
    async fn saga_create(&mut self, saga: &NewSaga) -> Result<SagaCreate, StoreError> {
        let now = self.shared.now();
        self.when_free(|model, tx| model.saga_create(tx, saga, now)).await
    }

    async fn saga_append(&mut self, append: &SagaAppend) -> Result<(), StoreError> {
        let now = self.shared.now();
        self.with(|model, tx| model.saga_append(tx, append, now))
    }

    async fn saga_signal(&mut self, signal: &SagaSignal) -> Result<Vec<SagaInstance>, StoreError> {
        let now = self.shared.now();
        Ok(self.with(|model, tx| model.saga_signal(tx, signal, now)))
    }
}

#[async_trait]
impl Participants for MemoryTransaction {
    async fn operation(&mut self, id: OperationId) -> Result<Option<OperationState>, StoreError> {
        Ok(self.with(|model, tx| model.operation(tx, id)))
    }

    async fn put_operation(&mut self, record: &OperationRecord) -> Result<(), StoreError> {
        let now = self.shared.now();
        self.with(|model, tx| model.put_operation(tx, record, now))
    }
}

#[async_trait]
impl Checkpoints for MemoryTransaction {
    async fn checkpoint(&mut self, consumer: &str) -> Result<Option<u64>, StoreError> {
        Ok(self.with(|model, tx| model.checkpoint(tx, consumer)))
    }

    async fn set_checkpoint(&mut self, consumer: &str, position: u64) -> Result<(), StoreError> {
        self.with(|model, tx| model.set_checkpoint(tx, consumer, position))
    }
}

#[async_trait]
impl EventWrites for MemoryTransaction {
    async fn append_events(&mut self, append: &EventAppend) -> Result<Appended, StoreError> {
        self.when_free(|model, tx| model.append_events(tx, append)).await
    }

    async fn read_stream(&mut self, stream: &str, after: u64, limit: usize) -> Result<Vec<RecordedEvent>, StoreError> {
        Ok(self.with(|model, tx| model.read_stream(tx, stream, after, limit)))
    }

    async fn stream_snapshot(&mut self, stream: &str) -> Result<Option<StreamSnapshot>, StoreError> {
        Ok(self.with(|model, tx| model.stream_snapshot(tx, stream)))
    }

    async fn put_stream_snapshot(&mut self, stream: &str, version: u64, state: Bytes) -> Result<bool, StoreError> {
        self.with(|model, tx| model.put_stream_snapshot(tx, stream, version, state))
    }
}

#[async_trait]
impl Transaction for MemoryTransaction {
    async fn now(&mut self) -> Result<Timestamp, StoreError> {
        Ok(self.shared.now())
    }

    async fn raw_connection(&mut self) -> Result<&mut (dyn Any + Send), StoreError> {
        Err(StoreError::Refused("a store in memory has no connection to lend".into()))
    }

    fn after_commit(&mut self, work: AfterCommit) {
        self.after.push(work);
    }

    async fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        if let Some(tx) = self.tx.take() {
            self.shared.model().commit(tx)?;
        }
        self.after.drain(..).for_each(|work| work());
        Ok(())
    }
}
