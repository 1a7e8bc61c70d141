use std::time::Duration;

use async_trait::async_trait;
use smol_str::SmolStr;

use super::{Intercept, Intercepted, transaction::InterceptedTransaction};
use crate::{
    ids::{ClaimToken, MessageId, SagaId},
    ports::{
        AcquireRequest, Backlog, Backup, Call, Census, ClaimRequest, DeadLetter, DeadLetterRequest, DeadRow,
        DeadRowRequest, EventStore, InboxPurgeRequest, InboxStore, ListedSaga, LogEntry, OperationStore, OutboxRow,
        OutboxStore, Parts, PurgeRequest, RecordedEvent, RepublishRequest, RowCounts, SagaInstance, SagaListRequest,
        SagaStore, Settlement, Store, StoreError, TailRequest, Timestamp, Transaction, operation::store_methods,
    },
};

#[async_trait]
impl<I: Intercept> Store for Intercepted<dyn Store, I>
where
    I::Transaction: 'static,
{
    fn parts(&self) -> Parts {
        self.inner.parts()
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        let (inner, watch) = self.intercept.begin(self.inner.begin()).await?;
        Ok(Box::new(InterceptedTransaction::new(inner, watch)))
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.intercept.call(Call::Backlog, self.inner.backlog()).await
    }

    async fn census(&self) -> Result<Census, StoreError> {
        self.intercept.call(Call::Census, self.inner.census()).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.intercept.call(Call::Now, self.inner.now()).await
    }

    async fn watch(&self, tables: &[SmolStr]) -> Result<(), StoreError> {
        self.inner.watch(tables).await
    }

    async fn row_counts(&self) -> Result<RowCounts, StoreError> {
        self.inner.row_counts().await
    }

    async fn backup(&self) -> Result<Box<dyn Backup>, StoreError> {
        self.inner.backup().await
    }
}

macro_rules! intercepted {
    ($($part:ident { $($method:ident($($arg:ident: $type:ty),*) -> $answer:ty = $call:ident $fields:tt;)* })*) => {
        $(#[async_trait]
        impl<I: Intercept> $part for Intercepted<dyn Store, I> {
            $(async fn $method(&self, $($arg: $type),*) -> Result<$answer, StoreError> {
                self.intercept.call(Call::$call $fields, self.inner.$method($($arg),*)).await
            })*
        })*
    };
}

store_methods!(intercepted);
