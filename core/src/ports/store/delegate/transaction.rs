use std::any::Any;

use async_trait::async_trait;
use bytes::Bytes;
use smol_str::SmolStr;

use crate::{
    ids::{MessageId, OperationId},
    message::Message,
    ports::{
        AfterCommit, Appended, Checkpoints, Document, Documents, EventAppend, EventWrites, Expected, IdRange,
        InboxEntry, InboxInsert, InboxWrites, NewSaga, OperationRecord, OperationState, OutboxWrites, Participants,
        RecordedEvent, RowChange, SagaAppend, SagaCreate, SagaInstance, SagaSignal, SagaWrites, StoreError,
        StreamSnapshot, Timestamp, Transaction, WhenDead, operation::transaction_methods,
    },
};

macro_rules! delegated {
    ($($part:ident { $($method:ident($($arg:ident: $type:ty),*) -> $answer:ty = $call:ident $fields:tt;)* })*) => {
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

            $($(
                #[doc = concat!("Delegates to [`", stringify!($part), "::", stringify!($method), "`].")]
                async fn $method(&mut self, $($arg: $type),*) -> Result<$answer, StoreError> {
                    self.inner().$method($($arg),*).await
                }
            )*)*

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

            /// Delegates to [`Transaction::after_commit`].
            fn after_commit(&mut self, work: AfterCommit) {
                self.inner().after_commit(work);
            }

            /// Delegates to [`Transaction::commit`].
            async fn commit(self: Box<Self>) -> Result<(), StoreError> {
                self.into_inner().commit().await
            }
        }

        $(#[async_trait]
        impl<T: DelegateTransaction> $part for T {
            $(async fn $method(&mut self, $($arg: $type),*) -> Result<$answer, StoreError> {
                DelegateTransaction::$method(self, $($arg),*).await
            })*
        })*
    };
}

transaction_methods!(delegated);

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

    fn after_commit(&mut self, work: AfterCommit) {
        DelegateTransaction::after_commit(self, work);
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        DelegateTransaction::commit(self).await
    }
}
