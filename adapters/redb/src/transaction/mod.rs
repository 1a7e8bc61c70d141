mod parts;

use std::{any::Any, cell::Cell, sync::Arc, time::Duration};

use async_trait::async_trait;
use redb::WriteTransaction;
use seaworthy_core::{
    ids::MessageId,
    ports::{AfterCommit, OneWriter, SteadyTime, StoreError, Timestamp, Transaction},
};
use smol_str::SmolStr;
use tokio::sync::OwnedMutexGuard;

use crate::{
    config::Synchronous,
    error::at_commit,
    files::Shared,
    inbox::Taken,
    latest::Latest,
    meta,
    view::{Result, Tables},
};

/// A transaction on redb: it holds the store's only permit to write until it is committed or dropped.
///
/// After an error it can't be committed: [`Transaction::commit`] then rolls back and returns that error again.
pub struct RedbTransaction {
    /// Before the permit: it is rolled back before the next one begins. `None` once it is over.
    tx: Option<WriteTransaction>,
    _permit: OwnedMutexGuard<()>,
    shared: Arc<Shared>,
    time: Arc<SteadyTime>,
    has_written: Cell<bool>,
    /// `true` once a user has had it.
    is_lent: bool,
    /// Time of its first operation, and of its last.
    began: Option<Timestamp>,
    seen: Timestamp,
    /// The first error, after which nothing may be applied.
    failed: Option<StoreError>,
    /// Messages that this transaction counts as handled: it may change its mind and bury them.
    handled: Vec<(SmolStr, MessageId, Taken)>,
    after: Vec<AfterCommit>,
}

impl RedbTransaction {
    pub(crate) fn new(
        tx: WriteTransaction,
        permit: OwnedMutexGuard<()>,
        shared: Arc<Shared>,
        time: Arc<SteadyTime>,
    ) -> Self {
        Self {
            tx: Some(tx),
            _permit: permit,
            shared,
            time,
            has_written: Cell::new(false),
            is_lent: false,
            began: None,
            seen: Timestamp::EPOCH,
            failed: None,
            handled: Vec::new(),
            after: Vec::new(),
        }
    }

    /// redb's own transaction, for tables of your own; see [`Transaction::raw_connection`].
    ///
    /// # Errors
    /// [`StoreError`], if the transaction has failed before.
    pub fn transaction(&mut self) -> Result<&mut WriteTransaction, StoreError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.is_lent = true;
        self.tx.as_mut().ok_or_else(over)
    }

    /// Runs one operation, unless the transaction is beyond use.
    pub(crate) fn run<T>(&mut self, work: impl FnOnce(Tables<'_>, Timestamp) -> Result<T>) -> Result<T> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.seen = self.time.now();
        self.began.get_or_insert(self.seen);
        let tx = self.tx.as_ref().ok_or_else(over)?;
        let outcome = work(Tables::new(tx, &self.has_written), self.seen);
        if let Err(error) = &outcome {
            self.failed = Some(error.clone());
        }
        outcome
    }

    /// Commits, or says why nothing was applied.
    pub(crate) fn finish(mut self) -> Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let mut tx = self.tx.take().ok_or_else(over)?;
        OneWriter::<()>::tell_open(
            self.began.map_or(Duration::ZERO, |began| self.seen.since(began)),
            self.shared.config.writer_warning,
        );
        if !self.has_written.get() && !self.is_lent {
            // Dropping it changes as little, and waits for no disk.
            return Ok(());
        }
        let kept = self.shared.latest.as_ref().filter(|latest| latest.is_due(self.seen));
        if kept.is_some() {
            meta::write_latest(Tables::new(&tx, &self.has_written), self.seen)?;
        }
        self.shared.set_up(&mut tx)?;
        let waits = self.shared.config.synchronous != Synchronous::Off;
        let outcome = if waits && self.shared.config.blocking_at_commit() && on_worker() {
            tokio::task::block_in_place(|| tx.commit())
        } else {
            tx.commit()
        };
        outcome.map_err(|error| at_commit("commit", error))?;
        kept.iter().for_each(|latest| Latest::kept(latest, self.seen));
        Ok(())
    }

    /// The epoch that what it stages is of.
    fn epoch(&self) -> u64 {
        self.shared.epoch()
    }
}

fn over() -> StoreError {
    StoreError::Refused(SmolStr::new_static("the transaction is over: begin another one"))
}

/// Returns `true` if this thread belongs to a runtime that can move its other tasks elsewhere.
fn on_worker() -> bool {
    tokio::runtime::Handle::try_current()
        .is_ok_and(|handle| handle.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread)
}

#[async_trait]
impl Transaction for RedbTransaction {
    async fn now(&mut self) -> Result<Timestamp, StoreError> {
        self.run(|_, now| Ok(now))
    }

    /// Lends the [`redb::WriteTransaction`].
    ///
    /// What is written to tables of your own in it takes part in the transaction. Their names must not begin with `seaworthy_`,
    /// and they are closed (dropped) before the next call. Durability is the store's to set, and savepoints are its own.
    async fn raw_connection(&mut self) -> Result<&mut (dyn Any + Send), StoreError> {
        Ok(self.transaction()?)
    }

    fn has_written(&mut self) -> bool {
        self.is_lent || self.has_written.get()
    }

    fn after_commit(&mut self, work: AfterCommit) {
        self.after.push(work);
    }

    async fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        let after = std::mem::take(&mut self.after);
        // The permit is free by then.
        self.finish()?;
        after.into_iter().for_each(|work| work());
        Ok(())
    }
}
