use std::{any::Any, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::Connection;
use seaworthy_core::{
    ids::{MessageId, OperationId},
    message::Message,
    ports::{
        AfterCommit, Appended, Checkpoints, Document, Documents, EventAppend, EventWrites, Expected, IdRange,
        InboxEntry, InboxInsert, InboxWrites, NewSaga, OperationRecord, OperationState, OutboxWrites, Participants,
        RecordedEvent, RowChange, SagaAppend, SagaCreate, SagaInstance, SagaSignal, SagaWrites, SteadyTime, StoreError,
        StreamSnapshot, Timestamp, Transaction, WhenDead,
    },
};
use smol_str::SmolStr;
use tokio::sync::OwnedMutexGuard;

use crate::{
    checkpoints, documents,
    epoch::Epochs,
    error::in_statement,
    events,
    inbox::{self, Taken},
    latest::Latest,
    outbox, participants, saga,
    writer::Writer,
};

/// A transaction on SQLite: it holds the store's only writer until it is committed or dropped.
///
/// After an error it can't be committed: [`Transaction::commit`] then rolls back and returns that error again.
pub struct SqliteTransaction {
    writer: OwnedMutexGuard<Writer>,
    /// SQLite's count of changed rows when it began.
    changes_before: u64,
    time: Arc<SteadyTime>,
    epochs: Arc<Epochs>,
    blocking_at_commit: bool,
    /// The latest time that is kept, in a file.
    latest: Option<Arc<Latest>>,
    /// Time of its last operation.
    seen: Timestamp,
    /// The first error, after which nothing may be applied.
    failed: Option<StoreError>,
    /// Messages that this transaction counts as handled: it may change its mind and bury them.
    handled: Vec<(SmolStr, MessageId, Taken)>,
    after: Vec<AfterCommit>,
}

impl SqliteTransaction {
    pub(crate) fn new(
        writer: OwnedMutexGuard<Writer>,
        time: Arc<SteadyTime>,
        epochs: Arc<Epochs>,
        latest: Option<Arc<Latest>>,
        blocking_at_commit: bool,
    ) -> Self {
        let changes_before = writer.connection().total_changes();
        Self {
            writer,
            changes_before,
            time,
            epochs,
            blocking_at_commit,
            latest,
            seen: Timestamp::EPOCH,
            failed: None,
            handled: Vec::new(),
            after: Vec::new(),
        }
    }

    /// The connection that the transaction runs on, for statements of your own; see [`Transaction::raw_connection`].
    ///
    /// # Errors
    /// [`StoreError`], if the transaction has failed before or was ended from inside.
    pub fn connection(&mut self) -> Result<&mut Connection, StoreError> {
        self.usable()?;
        Ok(self.writer.connection_mut())
    }

    /// Runs one operation, unless the transaction is beyond use.
    pub(crate) fn run<T>(
        &mut self,
        work: impl FnOnce(&Connection, Timestamp) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.usable()?;
        self.seen = self.time.now();
        let outcome = work(self.writer.connection(), self.seen);
        if let Err(error) = &outcome {
            self.failed = Some(error.clone());
        }
        outcome
    }

    /// Commits, or says why nothing was applied.
    pub(crate) fn finish(mut self) -> Result<(), StoreError> {
        self.usable()?;
        let kept = self.latest.as_ref().filter(|latest| {
            latest.is_due(self.seen) && self.writer.connection().total_changes() != self.changes_before
        });
        if kept.is_some() {
            Latest::keep(self.writer.connection(), self.seen)
                .map_err(|failure| in_statement("keep the time", &failure))?;
        }
        if self.blocking_at_commit && on_worker() {
            tokio::task::block_in_place(|| self.writer.commit())?;
        } else {
            self.writer.commit()?;
        }
        if let Some(latest) = kept {
            latest.kept(self.seen);
        }
        Ok(())
    }

    fn usable(&mut self) -> Result<(), StoreError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.writer.still_open().inspect_err(|error| self.failed = Some(error.clone()))
    }
}

/// Returns `true` if this thread belongs to a runtime that can move its other tasks elsewhere.
fn on_worker() -> bool {
    tokio::runtime::Handle::try_current()
        .is_ok_and(|handle| handle.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread)
}

impl Drop for SqliteTransaction {
    fn drop(&mut self) {
        // Before the permit goes to the next one. After a commit there is nothing to roll back.
        self.writer.roll_back();
    }
}

#[async_trait]
impl Checkpoints for SqliteTransaction {
    async fn checkpoint(&mut self, consumer: &str) -> Result<Option<u64>, StoreError> {
        self.run(|connection, _| checkpoints::read(connection, consumer))
    }

    async fn set_checkpoint(&mut self, consumer: &str, position: u64) -> Result<(), StoreError> {
        self.run(|connection, _| checkpoints::advance(connection, consumer, position))
    }
}

#[async_trait]
impl EventWrites for SqliteTransaction {
    async fn append_events(&mut self, append: &EventAppend) -> Result<Appended, StoreError> {
        self.run(|connection, _| events::append(connection, append))
    }

    async fn read_stream(&mut self, stream: &str, after: u64, limit: usize) -> Result<Vec<RecordedEvent>, StoreError> {
        let mut found = self.run(|connection, _| events::stream(connection, stream, after, limit))?;
        self.epochs.stamp_events(&mut found);
        Ok(found)
    }

    async fn stream_snapshot(&mut self, stream: &str) -> Result<Option<StreamSnapshot>, StoreError> {
        self.run(|connection, _| events::snapshot(connection, stream))
    }

    async fn put_stream_snapshot(&mut self, stream: &str, version: u64, state: Bytes) -> Result<bool, StoreError> {
        self.run(|connection, _| events::put_snapshot(connection, stream, version, &state))
    }
}

#[async_trait]
impl Transaction for SqliteTransaction {
    async fn now(&mut self) -> Result<Timestamp, StoreError> {
        self.run(|_, now| Ok(now))
    }

    /// Lends the [`rusqlite::Connection`] that the transaction runs on.
    ///
    /// Statements on it take part in the transaction. `SAVEPOINT` is yours to use; `COMMIT` and `ROLLBACK` are not:
    /// the whole transaction is then rolled back, and its commit says so. Leave the connection's commit and rollback
    /// hooks alone, and finish iterating a query before the next call.
    async fn raw_connection(&mut self) -> Result<&mut (dyn Any + Send), StoreError> {
        Ok(self.connection()?)
    }

    async fn row_changes(&mut self) -> Result<Vec<RowChange>, StoreError> {
        self.usable()?;
        let told =
            self.writer.row_changes().map_err(|failure| in_statement("read the changes of watched tables", &failure));
        told.inspect_err(|error| self.failed = Some(error.clone()))
    }

    fn has_written(&mut self) -> bool {
        self.writer.connection().total_changes() != self.changes_before
    }

    fn after_commit(&mut self, work: AfterCommit) {
        self.after.push(work);
    }

    async fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        let after = std::mem::take(&mut self.after);
        // The writer is free by then.
        self.finish()?;
        after.into_iter().for_each(|work| work());
        Ok(())
    }
}

#[async_trait]
impl Documents for SqliteTransaction {
    async fn get(&mut self, collection: &str, id: &str) -> Result<Option<Document>, StoreError> {
        self.run(|connection, _| documents::get(connection, collection, id))
    }

    async fn put(&mut self, collection: &str, id: &str, expected: Expected, body: Bytes) -> Result<u64, StoreError> {
        self.run(|connection, _| documents::put(connection, collection, id, expected, &body))
    }

    async fn put_if(
        &mut self,
        collection: &str,
        id: &str,
        expected: Expected,
        body: Bytes,
    ) -> Result<Option<u64>, StoreError> {
        self.run(|connection, _| documents::put_if(connection, collection, id, expected, &body))
    }

    async fn delete(&mut self, collection: &str, id: &str, expected: Expected) -> Result<(), StoreError> {
        self.run(|connection, _| documents::delete(connection, collection, id, expected))
    }

    async fn delete_range(
        &mut self,
        collection: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<SmolStr>, StoreError> {
        self.run(|connection, _| documents::delete_range(connection, collection, range, limit))
    }

    async fn scan_range(
        &mut self,
        collection: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<(SmolStr, Document)>, StoreError> {
        self.run(|connection, _| documents::scan_range(connection, collection, range, limit))
    }

    async fn scan(
        &mut self,
        collection: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(SmolStr, Document)>, StoreError> {
        self.run(|connection, _| documents::scan(connection, collection, after, limit))
    }
}

#[async_trait]
impl OutboxWrites for SqliteTransaction {
    async fn stage(&mut self, message: &Message) -> Result<(), StoreError> {
        self.run(|connection, _| outbox::stage(connection, message))
    }

    async fn outbox_dispatched(&mut self, messages: &[MessageId]) -> Result<Vec<bool>, StoreError> {
        self.run(|connection, now| {
            let marked = messages.iter().map(|message| outbox::mark(connection, *message, None, now));
            marked.collect::<rusqlite::Result<_>>().map_err(|failure| in_statement("mark rows as dispatched", &failure))
        })
    }

    async fn outbox_bury(&mut self, message: MessageId, reason: &str) -> Result<bool, StoreError> {
        self.run(|connection, now| {
            let buried = outbox::mark(connection, message, Some(reason), now);
            buried.map_err(|failure| in_statement("give a row up", &failure))
        })
    }

    async fn outbox_settled_to(&mut self, when_dead: WhenDead) -> Result<u64, StoreError> {
        self.run(|connection, _| {
            let position = outbox::settled_to(connection, when_dead);
            position.map_err(|failure| in_statement("read how far the log is settled", &failure))
        })
    }
}

#[async_trait]
impl InboxWrites for SqliteTransaction {
    async fn inbox_insert(&mut self, entry: &InboxEntry) -> Result<InboxInsert, StoreError> {
        let found = self.run(|connection, now| inbox::insert(connection, entry, now))?;
        if found == InboxInsert::First {
            self.handled.push((entry.consumer.clone(), entry.message, Taken::Inserted));
        }
        Ok(found)
    }

    async fn inbox_failed(&mut self, entry: &InboxEntry, error: &str) -> Result<u32, StoreError> {
        self.run(|connection, now| inbox::count_failure(connection, entry, error, now))
    }

    async fn inbox_bury(&mut self, entry: &InboxEntry, message: &Message, reason: &str) -> Result<(), StoreError> {
        let own = self.handled.iter().position(|(who, what, _)| *what == entry.message && *who == entry.consumer);
        let taken = own.map(|own| self.handled[own].2);
        self.run(|connection, now| inbox::bury(connection, entry, message, reason, taken, now))?;
        if let Some(own) = own {
            self.handled.swap_remove(own);
        }
        Ok(())
    }

    async fn inbox_exhume(&mut self, entry: &InboxEntry) -> Result<bool, StoreError> {
        let exhumed = self.run(|connection, now| inbox::exhume(connection, entry, now))?;
        if exhumed {
            self.handled.push((entry.consumer.clone(), entry.message, Taken::Exhumed));
        }
        Ok(exhumed)
    }
}

#[async_trait]
impl SagaWrites for SqliteTransaction {
    async fn saga_create(&mut self, saga: &NewSaga) -> Result<SagaCreate, StoreError> {
        self.run(|connection, now| saga::create(connection, saga, now))
    }

    async fn saga_append(&mut self, append: &SagaAppend) -> Result<(), StoreError> {
        self.run(|connection, now| saga::append(connection, append, now))
    }

    async fn saga_signal(&mut self, signal: &SagaSignal) -> Result<Vec<SagaInstance>, StoreError> {
        self.run(|connection, now| saga::signal(connection, signal, now))
    }
}

#[async_trait]
impl Participants for SqliteTransaction {
    async fn operation(&mut self, id: OperationId) -> Result<Option<OperationState>, StoreError> {
        self.run(|connection, _| participants::read(connection, id))
    }

    async fn put_operation(&mut self, record: &OperationRecord) -> Result<(), StoreError> {
        self.run(|connection, now| participants::write(connection, record, now))
    }
}
