use std::time::Duration;

use async_trait::async_trait;
use smol_str::SmolStr;

use crate::{
    ids::{ClaimToken, MessageId, SagaId},
    ports::{
        AcquireRequest, Backlog, Backup, Census, ClaimRequest, DeadLetter, DeadLetterRequest, DeadRow, DeadRowRequest,
        EventStore, InboxPurgeRequest, InboxStore, ListedSaga, LogEntry, OperationStore, OutboxRow, OutboxStore, Parts,
        PurgeRequest, RecordedEvent, RepublishRequest, RowCounts, SagaInstance, SagaListRequest, SagaStore, Settlement,
        Store, StoreError, TailRequest, Timestamp, Transaction, operation::store_methods,
    },
};

macro_rules! delegated {
    ($($part:ident { $($method:ident($($arg:ident: $type:ty),*) -> $answer:ty = $call:ident $fields:tt;)* })*) => {
        /// A store that passes everything on to an inner one, but for what it overrides: whatever implements this trait is a
        /// [`Store`].
        ///
        /// It is for what stands between a service and its store: counting, timing, a bug planted for a test. What a transaction
        /// does is overridden in a [`DelegateTransaction`](super::DelegateTransaction) that [`begin`](Self::begin) returns.
        ///
        /// ```
        /// use std::sync::Arc;
        /// use seaworthy_core::{ids::MessageId, ports::{DelegateStore, PurgeRequest, Store, StoreError}};
        ///
        /// /// A store that never forgets what it has sent.
        /// struct Archive(Arc<dyn Store>);
        ///
        /// #[async_trait::async_trait]
        /// impl DelegateStore for Archive {
        ///     fn inner(&self) -> &dyn Store {
        ///         &*self.0
        ///     }
        ///
        ///     async fn purge_dispatched(&self, _: &PurgeRequest) -> Result<Vec<MessageId>, StoreError> {
        ///         Ok(Vec::new())
        ///     }
        /// }
        ///
        /// fn archived(store: Arc<dyn Store>) -> Arc<dyn Store> {
        ///     Arc::new(Archive(store))
        /// }
        /// ```
        #[async_trait]
        pub trait DelegateStore: Send + Sync {
            /// Returns the store that calls are delegated to.
            fn inner(&self) -> &dyn Store;

            /// Delegates to [`Store::parts`].
            fn parts(&self) -> Parts {
                self.inner().parts()
            }

            /// Delegates to [`Store::begin`].
            async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
                self.inner().begin().await
            }

            /// Delegates to [`Store::backlog`].
            async fn backlog(&self) -> Result<Backlog, StoreError> {
                self.inner().backlog().await
            }

            /// Delegates to [`Store::census`].
            async fn census(&self) -> Result<Census, StoreError> {
                self.inner().census().await
            }

            /// Delegates to [`Store::now`].
            async fn now(&self) -> Result<Timestamp, StoreError> {
                self.inner().now().await
            }

            /// Delegates to [`Store::watch`].
            async fn watch(&self, tables: &[SmolStr]) -> Result<(), StoreError> {
                self.inner().watch(tables).await
            }

            /// Delegates to [`Store::row_counts`].
            async fn row_counts(&self) -> Result<RowCounts, StoreError> {
                self.inner().row_counts().await
            }

            /// Delegates to [`Store::backup`].
            async fn backup(&self) -> Result<Box<dyn Backup>, StoreError> {
                self.inner().backup().await
            }

            $($(
                #[doc = concat!("Delegates to [`", stringify!($part), "::", stringify!($method), "`].")]
                async fn $method(&self, $($arg: $type),*) -> Result<$answer, StoreError> {
                    self.inner().$method($($arg),*).await
                }
            )*)*
        }

        $(#[async_trait]
        impl<S: DelegateStore> $part for S {
            $(async fn $method(&self, $($arg: $type),*) -> Result<$answer, StoreError> {
                DelegateStore::$method(self, $($arg),*).await
            })*
        })*
    };
}

store_methods!(delegated);

#[async_trait]
impl<T: DelegateStore> Store for T {
    fn parts(&self) -> Parts {
        DelegateStore::parts(self)
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        DelegateStore::begin(self).await
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        DelegateStore::backlog(self).await
    }

    async fn census(&self) -> Result<Census, StoreError> {
        DelegateStore::census(self).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        DelegateStore::now(self).await
    }

    async fn watch(&self, tables: &[SmolStr]) -> Result<(), StoreError> {
        DelegateStore::watch(self, tables).await
    }

    async fn row_counts(&self) -> Result<RowCounts, StoreError> {
        DelegateStore::row_counts(self).await
    }

    async fn backup(&self) -> Result<Box<dyn Backup>, StoreError> {
        DelegateStore::backup(self).await
    }
}
