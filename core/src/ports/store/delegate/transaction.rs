use std::any::Any;

use async_trait::async_trait;
use bytes::Bytes;
use smol_str::SmolStr;

use crate::{
    ids::{MessageId, OperationId},
    message::Message,
    ports::{
        Checkpoints, Document, Documents, Expected, IdRange, InboxEntry, InboxInsert, InboxWrites, NewSaga,
        OperationRecord, OperationState, OutboxWrites, Participants, RowChange, SagaAppend, SagaCreate, SagaWrites,
        StoreError, Timestamp, Transaction,
    },
};

/// A transaction that passes everything on to an inner one, but for what it overrides: whatever implements this trait is
/// a [`Transaction`]. Dropping it drops the inner one, which aborts it.
///
/// ```
/// use seaworthy_core::{message::Message, ports::{DelegateTransaction, StoreError, Transaction}};
///
/// /// A transaction that stages nothing: the bug that a campaign is to find.
/// struct Mute(Box<dyn Transaction>);
///
/// #[async_trait::async_trait]
/// impl DelegateTransaction for Mute {
///     fn inner(&mut self) -> &mut dyn Transaction {
///         &mut *self.0
///     }
///
///     fn into_inner(self: Box<Self>) -> Box<dyn Transaction> {
///         self.0
///     }
///
///     async fn stage(&mut self, _: &Message) -> Result<(), StoreError> {
///         Ok(())
///     }
/// }
/// ```
#[async_trait]
pub trait DelegateTransaction: Send {
    /// Returns the transaction that calls are delegated to.
    fn inner(&mut self) -> &mut dyn Transaction;

    /// Returns the transaction that is committed in the end.
    fn into_inner(self: Box<Self>) -> Box<dyn Transaction>;

    /// Delegates to [`Documents::get`].
    async fn get(&mut self, collection: &str, id: &str) -> Result<Option<Document>, StoreError> {
        self.inner().get(collection, id).await
    }

    /// Delegates to [`Documents::put`].
    async fn put(&mut self, collection: &str, id: &str, expected: Expected, body: Bytes) -> Result<u64, StoreError> {
        self.inner().put(collection, id, expected, body).await
    }

    /// Delegates to [`Documents::put_if`].
    async fn put_if(
        &mut self,
        collection: &str,
        id: &str,
        expected: Expected,
        body: Bytes,
    ) -> Result<Option<u64>, StoreError> {
        self.inner().put_if(collection, id, expected, body).await
    }

    /// Delegates to [`Documents::delete`].
    async fn delete(&mut self, collection: &str, id: &str, expected: Expected) -> Result<(), StoreError> {
        self.inner().delete(collection, id, expected).await
    }

    /// Delegates to [`Documents::delete_range`].
    async fn delete_range(
        &mut self,
        collection: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<SmolStr>, StoreError> {
        self.inner().delete_range(collection, range, limit).await
    }

    /// Delegates to [`Documents::scan`].
    async fn scan(
        &mut self,
        collection: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(SmolStr, Document)>, StoreError> {
        self.inner().scan(collection, after, limit).await
    }

    /// Delegates to [`Documents::scan_range`].
    async fn scan_range(
        &mut self,
        collection: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<(SmolStr, Document)>, StoreError> {
        self.inner().scan_range(collection, range, limit).await
    }

    /// Delegates to [`OutboxWrites::stage`].
    async fn stage(&mut self, message: &Message) -> Result<(), StoreError> {
        self.inner().stage(message).await
    }

    /// Delegates to [`OutboxWrites::outbox_dispatched`].
    async fn outbox_dispatched(&mut self, messages: &[MessageId]) -> Result<Vec<bool>, StoreError> {
        self.inner().outbox_dispatched(messages).await
    }

    /// Delegates to [`OutboxWrites::outbox_bury`].
    async fn outbox_bury(&mut self, message: MessageId, reason: &str) -> Result<bool, StoreError> {
        self.inner().outbox_bury(message, reason).await
    }

    /// Delegates to [`InboxWrites::inbox_insert`].
    async fn inbox_insert(&mut self, entry: &InboxEntry) -> Result<InboxInsert, StoreError> {
        self.inner().inbox_insert(entry).await
    }

    /// Delegates to [`InboxWrites::inbox_failed`].
    async fn inbox_failed(&mut self, entry: &InboxEntry, error: &str) -> Result<u32, StoreError> {
        self.inner().inbox_failed(entry, error).await
    }

    /// Delegates to [`InboxWrites::inbox_bury`].
    async fn inbox_bury(&mut self, entry: &InboxEntry, message: &Message, reason: &str) -> Result<(), StoreError> {
        self.inner().inbox_bury(entry, message, reason).await
    }

    /// Delegates to [`InboxWrites::inbox_exhume`].
    async fn inbox_exhume(&mut self, entry: &InboxEntry) -> Result<bool, StoreError> {
        self.inner().inbox_exhume(entry).await
    }

    /// Delegates to [`SagaWrites::saga_create`].
    async fn saga_create(&mut self, saga: &NewSaga) -> Result<SagaCreate, StoreError> {
        self.inner().saga_create(saga).await
    }

    /// Delegates to [`SagaWrites::saga_append`].
    async fn saga_append(&mut self, append: &SagaAppend) -> Result<(), StoreError> {
        self.inner().saga_append(append).await
    }

    /// Delegates to [`Participants::operation`].
    async fn operation(&mut self, id: OperationId) -> Result<Option<OperationState>, StoreError> {
        self.inner().operation(id).await
    }

    /// Delegates to [`Participants::put_operation`].
    async fn put_operation(&mut self, record: &OperationRecord) -> Result<(), StoreError> {
        self.inner().put_operation(record).await
    }

    /// Delegates to [`Checkpoints::checkpoint`].
    async fn checkpoint(&mut self, consumer: &str) -> Result<Option<u64>, StoreError> {
        self.inner().checkpoint(consumer).await
    }

    /// Delegates to [`Checkpoints::set_checkpoint`].
    async fn set_checkpoint(&mut self, consumer: &str, position: u64) -> Result<(), StoreError> {
        self.inner().set_checkpoint(consumer, position).await
    }

    /// Delegates to [`Transaction::now`].
    async fn now(&mut self) -> Result<Timestamp, StoreError> {
        self.inner().now().await
    }

    /// Delegates to [`Transaction::raw_connection`].
    async fn raw_connection(&mut self) -> Result<&mut (dyn Any + Send), StoreError> {
        self.inner().raw_connection().await
    }

    /// Delegates to [`Transaction::observe`].
    fn observe(&mut self, fact: &'static str, subject: &str, value: i64) {
        self.inner().observe(fact, subject, value);
    }

    /// Delegates to [`Transaction::row_changes`].
    async fn row_changes(&mut self) -> Result<Vec<RowChange>, StoreError> {
        self.inner().row_changes().await
    }

    /// Delegates to [`Transaction::has_written`].
    fn has_written(&mut self) -> bool {
        self.inner().has_written()
    }

    /// Delegates to [`Transaction::commit`].
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.into_inner().commit().await
    }
}

#[async_trait]
impl<T: DelegateTransaction> Documents for T {
    async fn get(&mut self, collection: &str, id: &str) -> Result<Option<Document>, StoreError> {
        DelegateTransaction::get(self, collection, id).await
    }

    async fn put(&mut self, collection: &str, id: &str, expected: Expected, body: Bytes) -> Result<u64, StoreError> {
        DelegateTransaction::put(self, collection, id, expected, body).await
    }

    async fn put_if(
        &mut self,
        collection: &str,
        id: &str,
        expected: Expected,
        body: Bytes,
    ) -> Result<Option<u64>, StoreError> {
        DelegateTransaction::put_if(self, collection, id, expected, body).await
    }

    async fn delete(&mut self, collection: &str, id: &str, expected: Expected) -> Result<(), StoreError> {
        DelegateTransaction::delete(self, collection, id, expected).await
    }

    async fn delete_range(
        &mut self,
        collection: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<SmolStr>, StoreError> {
        DelegateTransaction::delete_range(self, collection, range, limit).await
    }

    async fn scan(
        &mut self,
        collection: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(SmolStr, Document)>, StoreError> {
        DelegateTransaction::scan(self, collection, after, limit).await
    }

    async fn scan_range(
        &mut self,
        collection: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<(SmolStr, Document)>, StoreError> {
        DelegateTransaction::scan_range(self, collection, range, limit).await
    }
}

#[async_trait]
impl<T: DelegateTransaction> OutboxWrites for T {
    async fn stage(&mut self, message: &Message) -> Result<(), StoreError> {
        DelegateTransaction::stage(self, message).await
    }

    async fn outbox_dispatched(&mut self, messages: &[MessageId]) -> Result<Vec<bool>, StoreError> {
        DelegateTransaction::outbox_dispatched(self, messages).await
    }

    async fn outbox_bury(&mut self, message: MessageId, reason: &str) -> Result<bool, StoreError> {
        DelegateTransaction::outbox_bury(self, message, reason).await
    }
}

#[async_trait]
impl<T: DelegateTransaction> InboxWrites for T {
    async fn inbox_insert(&mut self, entry: &InboxEntry) -> Result<InboxInsert, StoreError> {
        DelegateTransaction::inbox_insert(self, entry).await
    }

    async fn inbox_failed(&mut self, entry: &InboxEntry, error: &str) -> Result<u32, StoreError> {
        DelegateTransaction::inbox_failed(self, entry, error).await
    }

    async fn inbox_bury(&mut self, entry: &InboxEntry, message: &Message, reason: &str) -> Result<(), StoreError> {
        DelegateTransaction::inbox_bury(self, entry, message, reason).await
    }

    async fn inbox_exhume(&mut self, entry: &InboxEntry) -> Result<bool, StoreError> {
        DelegateTransaction::inbox_exhume(self, entry).await
    }
}

#[async_trait]
impl<T: DelegateTransaction> SagaWrites for T {
    async fn saga_create(&mut self, saga: &NewSaga) -> Result<SagaCreate, StoreError> {
        DelegateTransaction::saga_create(self, saga).await
    }

    async fn saga_append(&mut self, append: &SagaAppend) -> Result<(), StoreError> {
        DelegateTransaction::saga_append(self, append).await
    }
}

#[async_trait]
impl<T: DelegateTransaction> Participants for T {
    async fn operation(&mut self, id: OperationId) -> Result<Option<OperationState>, StoreError> {
        DelegateTransaction::operation(self, id).await
    }

    async fn put_operation(&mut self, record: &OperationRecord) -> Result<(), StoreError> {
        DelegateTransaction::put_operation(self, record).await
    }
}

#[async_trait]
impl<T: DelegateTransaction> Checkpoints for T {
    async fn checkpoint(&mut self, consumer: &str) -> Result<Option<u64>, StoreError> {
        DelegateTransaction::checkpoint(self, consumer).await
    }

    async fn set_checkpoint(&mut self, consumer: &str, position: u64) -> Result<(), StoreError> {
        DelegateTransaction::set_checkpoint(self, consumer, position).await
    }
}

#[async_trait]
impl<T: DelegateTransaction> Transaction for T {
    async fn now(&mut self) -> Result<Timestamp, StoreError> {
        DelegateTransaction::now(self).await
    }

    async fn raw_connection(&mut self) -> Result<&mut (dyn Any + Send), StoreError> {
        DelegateTransaction::raw_connection(self).await
    }

    fn observe(&mut self, fact: &'static str, subject: &str, value: i64) {
        DelegateTransaction::observe(self, fact, subject, value);
    }

    async fn row_changes(&mut self) -> Result<Vec<RowChange>, StoreError> {
        DelegateTransaction::row_changes(self).await
    }

    fn label(&mut self, statement: &str) {
        DelegateTransaction::inner(self).label(statement);
    }

    fn has_written(&mut self) -> bool {
        DelegateTransaction::has_written(self)
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        DelegateTransaction::commit(self).await
    }
}
