//! The simulated store behind SQLite's queue: transactions take turns, and nothing else is different.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use seaworthy_core::{
    ids::{ClaimToken, SagaId},
    ports::{
        AcquireRequest, Backlog, ClaimRequest, Clock, DeadLetter, DelegateTransaction, InboxStore, LogEntry, OutboxRow,
        OutboxState, OutboxStore, Parts, PurgeRequest, RedriveRequest, SagaInstance, SagaStore, Settlement, Store,
        StoreError, Timestamp, Transaction,
    },
};
use seaworthy_sim::{
    store::MemoryStore,
    world::{RunOptions, StoreFactory},
};
use smol_str::SmolStr;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Runs on simulated stores of one writer each.
pub(crate) fn one_writer() -> RunOptions {
    let factory: StoreFactory = Arc::new(|_, clock: Arc<dyn Clock>| {
        Arc::new(OneWriter { inner: MemoryStore::new(clock), turn: Arc::default() })
    });
    RunOptions::default().store(Some(factory))
}

struct OneWriter {
    inner: MemoryStore,
    turn: Arc<Mutex<()>>,
}

impl OneWriter {
    async fn turn(&self) -> OwnedMutexGuard<()> {
        match Arc::clone(&self.turn).try_lock_owned() {
            Ok(turn) => turn,
            Err(_) => Arc::clone(&self.turn).lock_owned().await,
        }
    }
}

#[async_trait]
impl Store for OneWriter {
    fn parts(&self) -> Parts {
        self.inner.parts()
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        let turn = self.turn().await;
        Ok(Box::new(Turn { inner: self.inner.begin().await?, _turn: turn }))
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        let _turn = self.turn().await;
        self.inner.backlog().await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.inner.now().await
    }
}

/// Methods that are a transaction of their own: each waits for its turn.
macro_rules! take_turns {
    ($port:ident { $($name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)* }) => {
        #[async_trait]
        impl $port for OneWriter {
            $(async fn $name(&self, $($argument: $type),*) -> Result<$answer, StoreError> {
                let _turn = self.turn().await;
                self.inner.$name($($argument),*).await
            })*
        }
    };
}

take_turns! {
    OutboxStore {
        claim(request: &ClaimRequest) -> Vec<OutboxRow>;
        settle(token: ClaimToken, settlements: &[Settlement]) -> Vec<bool>;
        tail(after: u64, limit: usize) -> Vec<(OutboxRow, OutboxState)>;
        dead_rows(limit: usize) -> Vec<(OutboxRow, SmolStr)>;
        redrive(request: &RedriveRequest) -> u64;
        purge_dispatched(request: &PurgeRequest) -> u64;
        purge_dead(request: &PurgeRequest) -> u64;
        next_available() -> Option<Timestamp>;
    }
}

take_turns! {
    InboxStore {
        dead_letters(consumer: &str, limit: usize) -> Vec<DeadLetter>;
        purge_inbox(consumer: &str, request: &PurgeRequest) -> u64;
    }
}

take_turns! {
    SagaStore {
        acquire_sagas(request: &AcquireRequest) -> Vec<SagaInstance>;
        renew_saga(saga: SagaId, epoch: u64, lease: Duration) -> bool;
        saga(id: SagaId) -> Option<SagaInstance>;
        saga_by_key(definition: &str, key: &str) -> Option<SagaInstance>;
        saga_log(id: SagaId, after: u64, limit: usize) -> Vec<LogEntry>;
        purge_saga_logs(request: &PurgeRequest) -> u64;
    }
}

/// A transaction whose turn it is.
struct Turn {
    // Dropped first: it is over before the next one's turn.
    inner: Box<dyn Transaction>,
    _turn: OwnedMutexGuard<()>,
}

#[async_trait]
impl DelegateTransaction for Turn {
    fn inner(&mut self) -> &mut dyn Transaction {
        &mut *self.inner
    }

    fn into_inner(self: Box<Self>) -> Box<dyn Transaction> {
        self.inner
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        // The turn lasts until the commit is done.
        let Self { inner, _turn } = *self;
        inner.commit().await
    }
}
