use std::any::Any;

use async_trait::async_trait;
use bytes::Bytes;
use smol_str::SmolStr;

use super::InterceptTransaction;
use crate::{
    ids::{MessageId, OperationId},
    message::Message,
    ports::{
        Call, Checkpoints, Document, Documents, Expected, IdRange, InboxEntry, InboxInsert, InboxWrites, NewSaga,
        OperationRecord, OperationState, OutboxWrites, Participants, RowChange, SagaAppend, SagaCreate, SagaWrites,
        StoreError, Timestamp, Transaction,
    },
};

/// A transaction behind an [`InterceptTransaction`].
pub(super) struct InterceptedTransaction<W> {
    // Told first that the transaction is over.
    watch: W,
    /// `None` after an error: nothing is left then but to drop the transaction, as on a real database.
    inner: Option<Box<dyn Transaction>>,
    /// Label that the user gave to the next statement of their own.
    label: SmolStr,
}

impl<W> InterceptedTransaction<W> {
    pub(super) fn new(inner: Box<dyn Transaction>, watch: W) -> Self {
        Self { watch, inner: Some(inner), label: SmolStr::default() }
    }
}

fn aborted() -> StoreError {
    StoreError::Unavailable(SmolStr::new_static("the transaction was aborted by an earlier error"))
}

macro_rules! statement {
    ($self:ident, $call:expr, |$inner:ident| $run:expr) => {{
        let inner = $self.inner.as_mut();
        let run = async move {
            match inner {
                Some($inner) => $run.await,
                None => Err(aborted()),
            }
        };
        let result = $self.watch.call($call, run).await;
        if result.is_err() {
            $self.inner = None;
        }
        result
    }};
}

#[async_trait]
impl<W: InterceptTransaction> Documents for InterceptedTransaction<W> {
    async fn get(&mut self, collection: &str, id: &str) -> Result<Option<Document>, StoreError> {
        statement!(self, Call::Get { collection, id }, |inner| inner.get(collection, id))
    }

    async fn put(&mut self, collection: &str, id: &str, expected: Expected, body: Bytes) -> Result<u64, StoreError> {
        let copy = body.clone();
        statement!(self, Call::Put { collection, id, expected, body: &body }, |inner| {
            inner.put(collection, id, expected, copy)
        })
    }

    async fn put_if(
        &mut self,
        collection: &str,
        id: &str,
        expected: Expected,
        body: Bytes,
    ) -> Result<Option<u64>, StoreError> {
        let copy = body.clone();
        statement!(self, Call::PutIf { collection, id, expected, body: &body }, |inner| {
            inner.put_if(collection, id, expected, copy)
        })
    }

    async fn delete(&mut self, collection: &str, id: &str, expected: Expected) -> Result<(), StoreError> {
        statement!(self, Call::Delete { collection, id, expected }, |inner| inner.delete(collection, id, expected))
    }

    async fn delete_range(
        &mut self,
        collection: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<SmolStr>, StoreError> {
        statement!(self, Call::DeleteRange { collection, range, limit }, |inner| {
            inner.delete_range(collection, range, limit)
        })
    }

    async fn scan(
        &mut self,
        collection: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(SmolStr, Document)>, StoreError> {
        statement!(self, Call::Scan { collection, after, limit }, |inner| inner.scan(collection, after, limit))
    }

    async fn scan_range(
        &mut self,
        collection: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<(SmolStr, Document)>, StoreError> {
        statement!(self, Call::ScanRange { collection, range, limit }, |inner| {
            inner.scan_range(collection, range, limit)
        })
    }
}

#[async_trait]
impl<W: InterceptTransaction> OutboxWrites for InterceptedTransaction<W> {
    async fn stage(&mut self, message: &Message) -> Result<(), StoreError> {
        statement!(self, Call::Stage { message }, |inner| inner.stage(message))
    }

    async fn outbox_dispatched(&mut self, messages: &[MessageId]) -> Result<Vec<bool>, StoreError> {
        statement!(self, Call::OutboxDispatched { messages }, |inner| inner.outbox_dispatched(messages))
    }

    async fn outbox_bury(&mut self, message: MessageId, reason: &str) -> Result<bool, StoreError> {
        statement!(self, Call::OutboxBury { message, reason }, |inner| inner.outbox_bury(message, reason))
    }
}

#[async_trait]
impl<W: InterceptTransaction> InboxWrites for InterceptedTransaction<W> {
    async fn inbox_insert(&mut self, entry: &InboxEntry) -> Result<InboxInsert, StoreError> {
        statement!(self, Call::InboxInsert { entry }, |inner| inner.inbox_insert(entry))
    }

    async fn inbox_failed(&mut self, entry: &InboxEntry, error: &str) -> Result<u32, StoreError> {
        statement!(self, Call::InboxFailed { entry, error }, |inner| inner.inbox_failed(entry, error))
    }

    async fn inbox_bury(&mut self, entry: &InboxEntry, message: &Message, reason: &str) -> Result<(), StoreError> {
        statement!(self, Call::InboxBury { entry, message, reason }, |inner| inner.inbox_bury(entry, message, reason))
    }

    async fn inbox_exhume(&mut self, entry: &InboxEntry) -> Result<bool, StoreError> {
        statement!(self, Call::InboxExhume { entry }, |inner| inner.inbox_exhume(entry))
    }
}

#[async_trait]
impl<W: InterceptTransaction> SagaWrites for InterceptedTransaction<W> {
    async fn saga_create(&mut self, saga: &NewSaga) -> Result<SagaCreate, StoreError> {
        statement!(self, Call::SagaCreate { saga }, |inner| inner.saga_create(saga))
    }

    async fn saga_append(&mut self, append: &SagaAppend) -> Result<(), StoreError> {
        statement!(self, Call::SagaAppend { append }, |inner| inner.saga_append(append))
    }
}

#[async_trait]
impl<W: InterceptTransaction> Participants for InterceptedTransaction<W> {
    async fn operation(&mut self, id: OperationId) -> Result<Option<OperationState>, StoreError> {
        statement!(self, Call::Operation { id }, |inner| inner.operation(id))
    }

    async fn put_operation(&mut self, record: &OperationRecord) -> Result<(), StoreError> {
        statement!(self, Call::PutOperation { record }, |inner| inner.put_operation(record))
    }
}

#[async_trait]
impl<W: InterceptTransaction> Checkpoints for InterceptedTransaction<W> {
    async fn checkpoint(&mut self, consumer: &str) -> Result<Option<u64>, StoreError> {
        statement!(self, Call::Checkpoint { consumer }, |inner| inner.checkpoint(consumer))
    }

    async fn set_checkpoint(&mut self, consumer: &str, position: u64) -> Result<(), StoreError> {
        statement!(self, Call::SetCheckpoint { consumer, position }, |inner| inner.set_checkpoint(consumer, position))
    }
}

#[async_trait]
impl<W: InterceptTransaction> Transaction for InterceptedTransaction<W> {
    async fn now(&mut self) -> Result<Timestamp, StoreError> {
        statement!(self, Call::TransactionNow, |inner| inner.now())
    }

    async fn raw_connection(&mut self) -> Result<&mut (dyn Any + Send), StoreError> {
        let label = std::mem::take(&mut self.label);
        let is_open = std::future::ready(if self.inner.is_some() { Ok(()) } else { Err(aborted()) });
        let lent = self.watch.call(Call::Statement { label: &label }, is_open).await;
        if lent.is_err() {
            self.inner = None;
        }
        lent?;
        self.inner.as_mut().ok_or_else(aborted)?.raw_connection().await
    }

    fn observe(&mut self, fact: &'static str, subject: &str, value: i64) {
        self.watch.observe(fact, subject, value);
        if let Some(inner) = &mut self.inner {
            inner.observe(fact, subject, value);
        }
    }

    async fn row_changes(&mut self) -> Result<Vec<RowChange>, StoreError> {
        self.inner.as_mut().ok_or_else(aborted)?.row_changes().await
    }

    fn label(&mut self, statement: &str) {
        self.label = statement.into();
        if let Some(inner) = &mut self.inner {
            inner.label(statement);
        }
    }

    fn has_written(&mut self) -> bool {
        self.inner.as_mut().is_none_or(|inner| inner.has_written())
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        let Self { watch, inner, .. } = *self;
        watch.commit(inner.ok_or_else(aborted)).await
    }
}
