use std::any::Any;

use async_trait::async_trait;
use bytes::Bytes;
use smol_str::SmolStr;

use super::InterceptTransaction;
use crate::{
    ids::{MessageId, OperationId},
    message::Message,
    ports::{
        AfterCommit, Appended, Call, Checkpoints, Document, Documents, EventAppend, EventWrites, Expected, IdRange,
        InboxEntry, InboxInsert, InboxWrites, NewSaga, OperationRecord, OperationState, OutboxWrites, Participants,
        RecordedEvent, RowChange, SagaAppend, SagaCreate, SagaInstance, SagaSignal, SagaWrites, StoreError,
        StreamSnapshot, Timestamp, Transaction, WhenDead, operation::transaction_methods,
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
    /// Work for after the commit as its caller hears of it: what the interceptor makes of the answer counts, not what the
    /// inner transaction knows.
    after: Vec<AfterCommit>,
}

impl<W> InterceptedTransaction<W> {
    pub(super) fn new(inner: Box<dyn Transaction>, watch: W) -> Self {
        Self { watch, inner: Some(inner), label: SmolStr::default(), after: Vec::new() }
    }
}

fn aborted() -> StoreError {
    StoreError::Unavailable(SmolStr::new_static("the transaction was aborted by an earlier error"))
}

/// Runs a statement behind its interceptor. The call is made first: it borrows what the statement takes.
macro_rules! statement {
    ($self:ident, $call:expr, |$inner:ident| $run:expr) => {{
        let inner = $self.inner.as_mut();
        let result = $self
            .watch
            .call($call, async move {
                match inner {
                    Some($inner) => $run.await,
                    None => Err(aborted()),
                }
            })
            .await;
        if result.is_err() {
            $self.inner = None;
        }
        result
    }};
}

macro_rules! intercepted {
    ($($part:ident { $($method:ident($($arg:ident: $type:ty),*) -> $answer:ty = $call:ident $fields:tt;)* })*) => {
        $(#[async_trait]
        impl<W: InterceptTransaction> $part for InterceptedTransaction<W> {
            $(async fn $method(&mut self, $($arg: $type),*) -> Result<$answer, StoreError> {
                statement!(self, Call::$call $fields, |inner| inner.$method($($arg),*))
            })*
        })*
    };
}

transaction_methods!(intercepted);

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

    fn after_commit(&mut self, work: AfterCommit) {
        self.after.push(work);
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        let Self { watch, inner, after, .. } = *self;
        watch.commit(inner.ok_or_else(aborted)).await?;
        after.into_iter().for_each(|work| work());
        Ok(())
    }
}
