//! The simulated store behind SQLite's queue: transactions take turns, and nothing else is different.

use std::{any::Any, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    ids::{ClaimToken, MessageId, OperationId, SagaId},
    message::Message,
    ports::{
        AcquireRequest, Backlog, ClaimRequest, Clock, DeadLetter, Document, Documents, Expected, InboxEntry,
        InboxInsert, InboxStore, InboxWrites, LogEntry, NewSaga, OperationRecord, OperationState, OutboxRow,
        OutboxState, OutboxStore, OutboxWrites, Participants, PurgeRequest, RedriveRequest, SagaAppend, SagaCreate,
        SagaInstance, SagaStore, SagaWrites, Settlement, Store, StoreError, Timestamp, Transaction,
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
    RunOptions { store: Some(factory), ..RunOptions::default() }
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

/// Methods of a transaction, which has its turn already.
macro_rules! pass_on {
    ($port:ident { $($name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)* }) => {
        #[async_trait]
        impl $port for Turn {
            $(async fn $name(&mut self, $($argument: $type),*) -> Result<$answer, StoreError> {
                self.inner.$name($($argument),*).await
            })*
        }
    };
}

pass_on! {
    Documents {
        get(collection: &str, id: &str) -> Option<Document>;
        put(collection: &str, id: &str, expected: Expected, body: Bytes) -> u64;
        delete(collection: &str, id: &str, expected: Expected) -> ();
        scan(collection: &str, after: Option<&str>, limit: usize) -> Vec<(SmolStr, Document)>;
    }
}

pass_on! {
    OutboxWrites {
        stage(message: &Message) -> ();
        outbox_dispatched(messages: &[MessageId]) -> Vec<bool>;
        outbox_bury(message: MessageId, reason: &str) -> bool;
    }
}

pass_on! {
    InboxWrites {
        inbox_insert(entry: &InboxEntry) -> InboxInsert;
        inbox_failed(entry: &InboxEntry, error: &str) -> u32;
        inbox_bury(entry: &InboxEntry, message: &Message, reason: &str) -> ();
        inbox_exhume(entry: &InboxEntry) -> bool;
    }
}

pass_on! {
    SagaWrites {
        saga_create(saga: &NewSaga) -> SagaCreate;
        saga_append(append: &SagaAppend) -> ();
    }
}

pass_on! {
    Participants {
        operation(id: OperationId) -> Option<OperationState>;
        put_operation(record: &OperationRecord) -> ();
    }
}

#[async_trait]
impl Transaction for Turn {
    async fn checkpoint(&mut self, consumer: &str) -> Result<Option<u64>, StoreError> {
        self.inner.checkpoint(consumer).await
    }

    async fn set_checkpoint(&mut self, consumer: &str, position: u64) -> Result<(), StoreError> {
        self.inner.set_checkpoint(consumer, position).await
    }

    async fn raw_connection(&mut self) -> Result<&mut (dyn Any + Send), StoreError> {
        self.inner.raw_connection().await
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        let Self { inner, _turn } = *self;
        inner.commit().await
    }
}
