mod parts;

use std::{any::Any, sync::Arc, time::Duration};

use async_trait::async_trait;
use rusqlite::Connection;
use seaworthy_core::{
    ids::MessageId,
    ports::{AfterCommit, OneWriter, RowChange, SteadyTime, StoreError, Timestamp, Transaction},
};
use smol_str::SmolStr;
use tokio::sync::OwnedMutexGuard;

use crate::{epoch::Epochs, error::in_statement, inbox::Taken, latest::Latest, writer::Writer};

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
    /// Time of its first operation, and of its last.
    began: Option<Timestamp>,
    seen: Timestamp,
    /// Time for which it may be open unheard.
    warning: Option<Duration>,
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
        warning: Option<Duration>,
    ) -> Self {
        let changes_before = writer.connection().total_changes();
        Self {
            writer,
            changes_before,
            time,
            epochs,
            blocking_at_commit,
            latest,
            began: None,
            seen: Timestamp::EPOCH,
            warning,
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
        self.began.get_or_insert(self.seen);
        let outcome = work(self.writer.connection(), self.seen);
        if let Err(error) = &outcome {
            self.failed = Some(error.clone());
        }
        outcome
    }

    /// Commits, or says why nothing was applied.
    pub(crate) fn finish(mut self) -> Result<(), StoreError> {
        self.usable()?;
        OneWriter::<Writer>::tell_open(self.began.map_or(Duration::ZERO, |began| self.seen.since(began)), self.warning);
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
