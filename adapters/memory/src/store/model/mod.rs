//! The simulated store as a pure state machine: no task, no clock, no fault, no draw.

mod documents;
mod events;
mod inbox;
mod keyed;
mod lanes;
mod locks;
mod operations;
mod outbox;
mod sagas;
mod snapshots;
mod streams;
mod transaction;
mod versioned;

use std::time::Duration;

use seaworthy_core::{
    ids::{ClaimToken, MessageId, OperationId, SagaId},
    ports::{
        AcquireRequest, Backlog, Census, ClaimRequest, DeadLetter, DeadLetterRequest, DeadRow, DeadRowRequest,
        InboxPurgeRequest, ListedSaga, LogEntry, OutboxRow, PurgeRequest, RecordedEvent, RepublishRequest, RowCounts,
        SagaInstance, SagaListRequest, Settlement, StoreError, StoreTable, TailRequest, Timestamp,
    },
};
use smol_str::SmolStr;

pub(super) use locks::Attempt;
pub(super) use transaction::{Tx, bounds};

use self::{
    documents::Collections, events::Events, inbox::Inbox, locks::Locks, operations::Operations, outbox::Outbox,
    sagas::Sagas, snapshots::Snapshots, versioned::Versioned,
};

/// All that is committed, and what open transactions hold.
///
/// Its statements inside a transaction are in the modules `transaction`, `keyed` and `streams`; the short transactions of relays, consumers and
/// recovery are here.
#[derive(Debug, Default)]
pub(super) struct StoreModel {
    documents: Collections,
    operations: Operations,
    checkpoints: Versioned<SmolStr, u64>,
    outbox: Outbox,
    inbox: Inbox,
    sagas: Sagas,
    events: Events,
    locks: Locks,
    snapshots: Snapshots,
    last_commit: u64,
    last_tx: u64,
    last_row: u64,
}

impl StoreModel {
    /// An empty store of this epoch.
    pub(super) fn new(epoch: u64) -> Self {
        Self { outbox: Outbox::new(epoch), events: Events::new(epoch), ..Self::default() }
    }

    /// A copy of all that is committed. Open transactions are no part of it.
    pub(super) fn copy(&self) -> Self {
        Self {
            documents: self.documents.clone(),
            operations: self.operations.clone(),
            checkpoints: self.checkpoints.clone(),
            outbox: self.outbox.clone(),
            inbox: self.inbox.clone(),
            sagas: self.sagas.clone(),
            events: self.events.copy(),
            last_row: self.last_row,
            ..Self::default()
        }
    }

    /// Puts back what a copy holds, with its counters, in another epoch. What open transactions hold stays theirs, until they
    /// are dropped.
    pub(super) fn put_back(&mut self, copy: &Self, epoch: u64) {
        let Self { documents, operations, checkpoints, mut outbox, inbox, sagas, events, last_row, .. } = copy.copy();
        outbox.begin_epoch(epoch);
        let events = events.in_place_of(std::mem::take(&mut self.events), epoch);
        let locks = std::mem::take(&mut self.locks);
        let snapshots = std::mem::take(&mut self.snapshots);
        let (last_commit, last_tx) = (self.last_commit, self.last_tx);
        *self = Self {
            documents,
            operations,
            checkpoints,
            outbox,
            inbox,
            sagas,
            events,
            locks,
            snapshots,
            last_commit,
            last_tx,
            last_row,
        };
    }

    pub(super) fn begin(&mut self) -> Tx {
        self.last_tx += 1;
        self.snapshots.open(self.last_commit);
        Tx::new(self.last_tx, self.last_commit)
    }

    /// Ends a transaction without applying it.
    pub(super) fn abort(&mut self, tx: &Tx) {
        self.snapshots.close(tx.at);
        self.locks.release(tx.id, &tx.locks);
        self.events.release(&tx.events);
    }

    /// Applies all that a transaction wrote, or nothing of it.
    pub(super) fn commit(&mut self, tx: Tx) -> Result<(), StoreError> {
        let checked = self.check(&tx);
        self.abort(&tx);
        checked?;
        self.apply(tx);
        Ok(())
    }

    fn check(&self, tx: &Tx) -> Result<(), StoreError> {
        for write in &tx.documents {
            if self.documents.written_since(&write.collection, &write.id, tx.at) {
                return Err(StoreError::Conflict(smol_str::format_smolstr!(
                    "document {}/{} was written by another transaction",
                    write.collection,
                    write.id
                )));
            }
        }
        for (record, _) in &tx.operations {
            self.check_operation(record.id, tx.at)?;
        }
        for (consumer, _) in &tx.checkpoints {
            self.check_checkpoint(consumer, tx.at)?;
        }
        let own = |row| tx.staged.iter().any(|(staged, _)| *staged == row);
        let mut rows = tx.marks.iter().map(|mark| mark.row).chain(tx.attempts.iter().map(|(row, _)| *row));
        if rows.any(|row| !self.outbox.is_pending(row) && !own(row)) {
            return Err(StoreError::Conflict("an outbox row was claimed or settled by another transaction".into()));
        }
        self.sagas.check_all(&tx.sagas)
    }

    fn check_operation(&self, id: OperationId, at: u64) -> Result<(), StoreError> {
        if self.operations.written_since(id, at) {
            return Err(StoreError::Conflict("participant operation was written by another transaction".into()));
        }
        Ok(())
    }

    fn check_checkpoint(&self, consumer: &str, at: u64) -> Result<(), StoreError> {
        if self.checkpoints.written_since(consumer, at) {
            return Err(StoreError::Conflict("checkpoint was moved by another transaction".into()));
        }
        Ok(())
    }

    fn apply(&mut self, tx: Tx) {
        let oldest = self.snapshots.oldest();
        if !(tx.documents.is_empty() && tx.operations.is_empty() && tx.checkpoints.is_empty()) {
            self.last_commit += 1;
        }
        let commit = self.last_commit;
        for write in tx.documents {
            self.documents.apply(commit, write.collection, write.id, write.after, oldest);
        }
        for (record, at) in tx.operations {
            self.operations.apply(commit, record.id, record.state, at, oldest);
        }
        for (consumer, position) in tx.checkpoints {
            self.checkpoints.forget(oldest, |_| {});
            self.checkpoints.apply(commit, consumer, Some(position), oldest);
        }
        for (row, message) in tx.staged {
            self.outbox.insert(row, message);
        }
        for (row, begins) in tx.attempts {
            self.outbox.attempt(row, begins);
        }
        for mark in tx.marks {
            self.outbox.mark(mark.row, mark.dead.as_ref(), mark.at);
        }
        for write in tx.inbox {
            self.inbox.apply(write);
        }
        for write in tx.sagas {
            self.sagas.apply(write);
        }
        for write in tx.events {
            self.events.apply(write);
        }
    }

    pub(super) fn backlog(&self) -> Backlog {
        let (outbox_unsettled, outbox_dead) = self.outbox.counts();
        let (sagas_active, sagas_waiting, sagas_stuck) = self.sagas.counts();
        let inbox_dead = self.inbox.dead_count();
        Backlog { outbox_unsettled, outbox_dead, sagas_active, sagas_waiting, sagas_stuck, inbox_dead }
    }

    pub(super) fn census(&self, now: Timestamp) -> Census {
        let mut census = Census::new(now);
        (census.outbox_pending, census.outbox_dead) = self.outbox.census(now);
        census.dead_letters = self.inbox.census();
        census.sagas = self.sagas.census();
        census
    }

    pub(super) fn row_counts(&self) -> RowCounts {
        let (inbox, dead_letters, watermarks) = self.inbox.row_counts();
        let counts = [
            (StoreTable::Outbox, self.outbox.row_count()),
            (StoreTable::Inbox, inbox),
            (StoreTable::DeadLetters, dead_letters),
            (StoreTable::Watermarks, watermarks),
            (StoreTable::Operations, self.operations.row_count()),
            (StoreTable::Sagas, self.sagas.row_count()),
        ];
        counts.into_iter().filter(|(_, count)| *count > 0).collect()
    }

    pub(super) fn claim(&mut self, request: &ClaimRequest, now: Timestamp) -> Vec<OutboxRow> {
        self.outbox.claim(request, now)
    }

    pub(super) fn settle(&mut self, token: ClaimToken, settlements: &[Settlement], now: Timestamp) -> Vec<bool> {
        settlements.iter().map(|settlement| self.outbox.settle(token, settlement, now)).collect()
    }

    pub(super) fn tail(&mut self, request: &TailRequest, now: Timestamp) -> Vec<OutboxRow> {
        self.outbox.tail(request, now)
    }

    pub(super) fn read_events(&self, after: u64, limit: usize) -> Vec<RecordedEvent> {
        self.events.log(after, limit)
    }

    pub(super) fn dead_rows(&self, request: &DeadRowRequest) -> Vec<DeadRow> {
        self.outbox.dead_rows(request)
    }

    pub(super) fn redrive(&mut self, request: &DeadRowRequest) -> Vec<MessageId> {
        self.outbox.redrive(request)
    }

    pub(super) fn purge_dispatched(&mut self, request: &PurgeRequest, now: Timestamp) -> Vec<MessageId> {
        self.outbox.purge_dispatched(request, now)
    }

    pub(super) fn republish(&mut self, request: &RepublishRequest) -> Vec<MessageId> {
        self.outbox.republish(request)
    }

    pub(super) fn purge_sagas(&mut self, request: &PurgeRequest, now: Timestamp) -> u64 {
        self.sagas.purge(request, now)
    }

    pub(super) fn purge_operations(&mut self, request: &PurgeRequest, now: Timestamp) -> u64 {
        self.last_commit += 1;
        self.operations.purge(self.last_commit, request, now, self.snapshots.oldest())
    }

    pub(super) fn purge_dead(&mut self, request: &DeadRowRequest) -> Vec<MessageId> {
        self.outbox.purge_dead(request)
    }

    pub(super) fn next_available(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.outbox.next_available(now)
    }

    pub(super) fn dead_letters(&self, request: &DeadLetterRequest) -> Vec<DeadLetter> {
        self.inbox.dead_letters(request)
    }

    pub(super) fn ask_redrive(&mut self, request: &DeadLetterRequest, now: Timestamp) -> Vec<MessageId> {
        self.inbox.ask_redrive(request, now)
    }

    pub(super) fn purge_inbox(&mut self, consumer: &str, request: &InboxPurgeRequest, now: Timestamp) -> u64 {
        self.inbox.purge(consumer, request, now)
    }

    pub(super) fn acquire_sagas(&mut self, request: &AcquireRequest, now: Timestamp) -> Vec<SagaInstance> {
        self.sagas.acquire(request, now)
    }

    pub(super) fn renew_saga(&mut self, saga: SagaId, epoch: u64, lease: Duration, now: Timestamp) -> bool {
        self.sagas.renew(saga, epoch, lease, now)
    }

    pub(super) fn saga(&self, id: SagaId) -> Option<SagaInstance> {
        self.sagas.get(id).cloned()
    }

    pub(super) fn saga_by_key(&self, definition: &str, key: &str) -> Option<SagaInstance> {
        self.sagas.get_by_key(definition, key).cloned()
    }

    pub(super) fn sagas(&self, request: &SagaListRequest, now: Timestamp) -> Vec<ListedSaga> {
        self.sagas.list(request, now)
    }

    pub(super) fn saga_log(&self, id: SagaId, after: u64, limit: usize) -> Vec<LogEntry> {
        self.sagas.log(id, after, limit)
    }

    pub(super) fn purge_saga_logs(&mut self, request: &PurgeRequest, now: Timestamp) -> u64 {
        self.sagas.purge_logs(request, now)
    }
}
