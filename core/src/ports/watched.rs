//! A transaction on loan, whose owner sees what its borrower waits for.

use std::{
    any::Any,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use smol_str::SmolStr;

use super::{
    AfterCommit, Appended, Checkpoints, Document, Documents, EventAppend, EventWrites, Expected, IdRange, InboxEntry,
    InboxInsert, InboxWrites, NewSaga, OperationRecord, OperationState, OutboxWrites, Participants, RecordedEvent,
    RowChange, SagaAppend, SagaCreate, SagaInstance, SagaSignal, SagaWrites, StoreError, StreamSnapshot, Timestamp,
    Transaction, WhenDead, operation::transaction_methods,
};
use crate::{
    ids::{MessageId, OperationId},
    message::Message,
};

/// Statement that a borrower waits for, if it waits for one.
#[derive(Debug, Default)]
pub(crate) struct Awaited(Mutex<Option<&'static str>>);

impl Awaited {
    /// Returns the name of the statement.
    pub(crate) fn statement(&self) -> Option<&'static str> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, statement: Option<&'static str>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = statement;
    }
}

/// A statement that is under way. Dropped with its answer, or without one where the borrower waits no longer.
struct UnderWay<'a>(&'a Awaited);

impl<'a> UnderWay<'a> {
    fn begin(awaited: &'a Awaited, statement: &'static str) -> Self {
        awaited.set(Some(statement));
        Self(awaited)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

/// Work for after a commit that the owner of a transaction runs, and not the transaction itself: so it outlasts a commit of which
/// nobody knows whether it was done, until that is known.
#[derive(Default)]
pub(crate) struct AfterWork(Mutex<Vec<AfterCommit>>);

impl AfterWork {
    /// Runs it: the commit is done.
    pub(crate) fn run(&self) {
        self.take().into_iter().for_each(|work| work());
    }

    /// Drops it: there was no commit.
    pub(crate) fn clear(&self) {
        drop(self.take());
    }

    fn push(&self, work: AfterCommit) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(work);
    }

    fn take(&self) -> Vec<AfterCommit> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A transaction that is lent to somebody who is not to commit it.
pub(crate) struct Watched<'a> {
    tx: &'a mut dyn Transaction,
    awaited: &'a Awaited,
    after: Option<&'a AfterWork>,
}

impl<'a> Watched<'a> {
    /// Lends a transaction; `awaited` says at any time what its borrower waits for, and `after` takes the work for after its commit, or
    /// else the transaction does.
    pub(crate) fn new(tx: &'a mut dyn Transaction, awaited: &'a Awaited, after: Option<&'a AfterWork>) -> Self {
        Self { tx, awaited, after }
    }
}

macro_rules! watched {
    ($($part:ident { $($method:ident($($arg:ident: $type:ty),*) -> $answer:ty = $call:ident $fields:tt;)* })*) => {
        $(#[async_trait]
        impl $part for Watched<'_> {
            $(async fn $method(&mut self, $($arg: $type),*) -> Result<$answer, StoreError> {
                let _under_way = UnderWay::begin(self.awaited, stringify!($method));
                self.tx.$method($($arg),*).await
            })*
        })*
    };
}

transaction_methods!(watched);

#[async_trait]
impl Transaction for Watched<'_> {
    async fn now(&mut self) -> Result<Timestamp, StoreError> {
        let _under_way = UnderWay::begin(self.awaited, "now");
        self.tx.now().await
    }

    async fn raw_connection(&mut self) -> Result<&mut (dyn Any + Send), StoreError> {
        let _under_way = UnderWay::begin(self.awaited, "raw_connection");
        self.tx.raw_connection().await
    }

    fn observe(&mut self, fact: &'static str, subject: &str, value: i64) {
        self.tx.observe(fact, subject, value);
    }

    async fn row_changes(&mut self) -> Result<Vec<RowChange>, StoreError> {
        self.tx.row_changes().await
    }

    fn label(&mut self, statement: &str) {
        self.tx.label(statement);
    }

    fn has_written(&mut self) -> bool {
        self.tx.has_written()
    }

    fn after_commit(&mut self, work: AfterCommit) {
        match self.after {
            Some(after) => after.push(work),
            None => self.tx.after_commit(work),
        }
    }

    /// Nobody gets here: whoever borrows a transaction has no box of it.
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        Err(StoreError::Refused(SmolStr::new_static("a transaction on loan is committed by its owner")))
    }
}

#[cfg(test)]
mod tests {
    use std::{pin::pin, task::Poll};

    use futures_util::{FutureExt as _, poll};

    use super::*;

    #[tokio::test]
    async fn a_statement_is_awaited_until_it_is_answered_or_dropped() {
        let awaited = Awaited::default();
        assert_eq!(awaited.statement(), None);
        let (answer, answered) = tokio::sync::oneshot::channel::<()>();
        {
            let mut work = pin!(async {
                let _under_way = UnderWay::begin(&awaited, "stage");
                answered.await.expect("somebody answers");
            });
            assert_eq!(poll!(work.as_mut()), Poll::Pending);
            assert_eq!(awaited.statement(), Some("stage"));
            answer.send(()).expect("somebody waits");
            work.await;
        }
        assert_eq!(awaited.statement(), None, "it is answered");
        {
            let mut work = Box::pin(async {
                let _under_way = UnderWay::begin(&awaited, "put");
                std::future::pending::<()>().await;
            });
            assert!(work.as_mut().now_or_never().is_none());
            assert_eq!(awaited.statement(), Some("put"));
        }
        assert_eq!(awaited.statement(), None, "it is dropped");
    }
}
