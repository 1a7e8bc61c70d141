//! The simulated store behind SQLite's queue: transactions take turns, and nothing else is different.

use std::sync::Arc;

use seaworthy_core::ports::{
    Answers, Call, Clock, Intercept, InterceptTransaction, Intercepted, PortError, Store, StoreError, Transaction,
};
use seaworthy_sim::{scenario::StoreFactory, store::MemoryStore, world::RunOptions};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Runs on simulated stores of one writer each.
pub(crate) fn one_writer() -> RunOptions {
    let factory: StoreFactory = Arc::new(|_, clock: Arc<dyn Clock>| {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(clock));
        Arc::new(Intercepted::new(store, OneWriter::default()))
    });
    RunOptions::default().store(Some(factory))
}

#[derive(Default)]
struct OneWriter(Arc<Mutex<()>>);

impl OneWriter {
    async fn turn(&self) -> OwnedMutexGuard<()> {
        match Arc::clone(&self.0).try_lock_owned() {
            Ok(turn) => turn,
            Err(_) => Arc::clone(&self.0).lock_owned().await,
        }
    }
}

impl Intercept for OneWriter {
    type Transaction = Turn;

    fn transaction(&self) -> Turn {
        Turn(None)
    }

    /// Methods that are a transaction of their own, but for the clock: each waits for its turn.
    async fn call<T: Answers, E: PortError>(
        &self,
        call: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let _turn = if matches!(call, Call::Now) { None } else { Some(self.turn().await) };
        inner.await
    }

    async fn begin(
        &self,
        inner: impl Future<Output = Result<Box<dyn Transaction>, StoreError>> + Send,
    ) -> Result<(Box<dyn Transaction>, Turn), StoreError> {
        let turn = self.turn().await;
        Ok((inner.await?, Turn(Some(turn))))
    }
}

/// The turn of a transaction, which lasts until it is over.
struct Turn(Option<OwnedMutexGuard<()>>);

impl InterceptTransaction for Turn {
    fn call<T: Answers, E: PortError>(
        &mut self,
        _: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> impl Future<Output = Result<T, E>> + Send {
        inner
    }

    async fn commit(self, inner: Result<Box<dyn Transaction>, StoreError>) -> Result<(), StoreError> {
        let _turn = self.0;
        inner?.commit().await
    }
}
