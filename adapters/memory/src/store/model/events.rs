//! Streams of events, and the log that all of them make up.

use std::collections::{BTreeMap, BTreeSet};

use seaworthy_core::{
    ids::MessageId,
    ports::{RecordedEvent, StreamSnapshot},
};
use smol_str::SmolStr;

use crate::lookup::Lookup;

/// Committed events, and the positions that open transactions have.
///
/// A position is handed out when an event is appended, as the sequence of a database does, and transactions may commit in
/// another order. So the log is shown up to the first position that is still out.
#[derive(Clone, Debug, Default)]
pub(super) struct Events {
    log: BTreeMap<u64, Box<RecordedEvent>>,
    /// Positions of the events of each stream: that of version `n` is the one before place `n`.
    streams: Lookup<SmolStr, Vec<u64>>,
    ids: Lookup<MessageId, u64>,
    snapshots: Lookup<SmolStr, StreamSnapshot>,
    last_position: u64,
    /// Positions of events that may still commit.
    out: BTreeSet<u64>,
    /// Life of the store, which its events carry.
    epoch: u64,
}

/// Changes that a transaction will have made to the events once it commits.
#[derive(Debug)]
pub(super) enum EventWrite {
    Append(Box<RecordedEvent>),
    Snapshot(SmolStr, StreamSnapshot),
}

impl EventWrite {
    pub(super) fn event(&self) -> Option<&RecordedEvent> {
        match self {
            Self::Append(event) => Some(event),
            Self::Snapshot(..) => None,
        }
    }
}

impl Events {
    /// No events, in a store of this epoch.
    pub(super) fn new(epoch: u64) -> Self {
        Self { epoch, ..Self::default() }
    }

    /// A copy of what is committed.
    pub(super) fn copy(&self) -> Self {
        Self { out: BTreeSet::new(), ..self.clone() }
    }

    /// These events in place of `others`, in another epoch. Positions that open transactions have of those stay theirs.
    pub(super) fn in_place_of(mut self, others: Self, epoch: u64) -> Self {
        self.last_position = self.last_position.max(others.out.last().copied().unwrap_or_default());
        Self { out: others.out, epoch, ..self }
    }

    /// The version that a stream has come to.
    pub(super) fn version(&self, stream: &str) -> u64 {
        self.streams.get(stream).map_or(0, |positions| positions.len() as u64)
    }

    /// Lets go of the positions of a transaction that ends.
    pub(super) fn release(&mut self, writes: &[EventWrite]) {
        for event in writes.iter().filter_map(EventWrite::event) {
            self.out.remove(&event.position());
        }
    }

    pub(super) fn apply(&mut self, write: EventWrite) {
        match write {
            EventWrite::Append(event) => {
                let position = event.position();
                self.ids.insert(event.message.id, position);
                self.streams.get_or_insert_with(event.stream().clone(), Vec::new).push(position);
                self.log.insert(position, event);
            }
            EventWrite::Snapshot(stream, snapshot) => {
                let is_old = self.snapshots.get(&stream).is_some_and(|stored| stored.version > snapshot.version);
                if !is_old {
                    self.snapshots.insert(stream, snapshot);
                }
            }
        }
    }

    /// Returns `true` if an event of this id is committed.
    pub(super) fn contains(&self, id: MessageId) -> bool {
        self.ids.contains(&id)
    }

    /// Hands out the next position, which is out until its transaction ends. Returns it with the epoch of the store.
    pub(super) fn next_position(&mut self) -> (u64, u64) {
        self.last_position += 1;
        self.out.insert(self.last_position);
        (self.last_position, self.epoch)
    }

    /// The committed events of a stream, in order.
    pub(super) fn stream(&self, stream: &str) -> impl Iterator<Item = &RecordedEvent> {
        let positions = self.streams.get(stream).map_or(&[][..], |positions| positions);
        positions.iter().filter_map(|position| self.log.get(position)).map(|event| &**event)
    }

    pub(super) fn snapshot(&self, stream: &str) -> Option<&StreamSnapshot> {
        self.snapshots.get(stream)
    }

    /// Reads the log up to the first event that may still commit.
    pub(super) fn log(&self, after: u64, limit: usize) -> Vec<RecordedEvent> {
        let end = self.out.first().copied().unwrap_or(u64::MAX);
        let shown = self.log.range(after.saturating_add(1).min(end)..end);
        shown.take(limit).map(|(_, event)| (**event).clone()).collect()
    }
}
