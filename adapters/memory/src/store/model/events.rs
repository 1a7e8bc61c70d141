//! Streams of events, and the log that all of them make up.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use seaworthy_core::{
    ids::MessageId,
    message::Message,
    ports::{Appended, EventAppend, RecordedEvent, StoreError, StreamSnapshot},
};
use smol_str::{SmolStr, format_smolstr};

use super::{
    Attempt, StoreModel, Tx,
    locks::{Acquired, UniqueKey},
};
use crate::lookup::Lookup;

/// Committed events, and the positions that open transactions have.
///
/// A position is handed out when an event is appended, as the sequence of a database does, and transactions may commit in
/// another order. So the log is shown up to the first position that is still out.
#[derive(Debug, Default)]
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

/// What a transaction will have done to the events once it commits.
#[derive(Debug)]
pub(super) enum EventWrite {
    Append(Box<RecordedEvent>),
    Snapshot(SmolStr, StreamSnapshot),
}

impl EventWrite {
    fn event(&self) -> Option<&RecordedEvent> {
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

    fn version(&self, stream: &str) -> u64 {
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
}

impl Tx {
    fn own_events<'a>(&'a self, stream: &'a str) -> impl Iterator<Item = &'a RecordedEvent> {
        self.events.iter().filter_map(EventWrite::event).filter(move |event| event.stream() == stream)
    }

    fn own_snapshot(&self, stream: &str) -> Option<&StreamSnapshot> {
        self.events.iter().rev().find_map(|write| match write {
            EventWrite::Snapshot(own, snapshot) if own == stream => Some(snapshot),
            _ => None,
        })
    }
}

/// Statements on events: they see what is committed and the transaction's own writes.
impl StoreModel {
    fn stream_version(&self, tx: &Tx, stream: &str) -> u64 {
        self.events.version(stream) + tx.own_events(stream).count() as u64
    }

    pub(in crate::store) fn append_events(
        &mut self,
        tx: &mut Tx,
        append: &EventAppend,
    ) -> Result<Attempt<Appended>, StoreError> {
        let EventAppend { stream, expected, events, .. } = append;
        // Held to the end of the transaction: nobody else appends to the stream meanwhile.
        if let Acquired::Blocked(until) = self.locks.acquire(UniqueKey::Stream(stream.clone()), tx.id, &mut tx.locks)? {
            return Ok(Attempt::Blocked(until));
        }
        let mut version = self.stream_version(tx, stream);
        if !expected.holds(version) {
            return Err(StoreError::Conflict(format_smolstr!(
                "stream {stream} is at version {version}, which is not as expected ({expected:?})"
            )));
        }
        for event in events {
            if let Acquired::Blocked(until) = self.locks.acquire(UniqueKey::Event(event.id), tx.id, &mut tx.locks)? {
                return Ok(Attempt::Blocked(until));
            }
        }
        let mut positions = Vec::with_capacity(events.len());
        for event in events {
            let is_own = |write: &EventWrite| write.event().is_some_and(|own| own.message.id == event.id);
            if self.events.ids.contains(&event.id) || tx.events.iter().any(is_own) {
                return Err(StoreError::Conflict("an event of this id was appended before".into()));
            }
            version += 1;
            self.events.last_position += 1;
            let (sequence, epoch) = (self.events.last_position, self.events.epoch);
            self.events.out.insert(sequence);
            positions.push(sequence);
            let message = Message { partition_key: stream.clone(), sequence, epoch, gap: 0, ..event.clone() };
            tx.events.push(EventWrite::Append(Box::new(RecordedEvent { version, message })));
        }
        Ok(Attempt::Done(Appended { version, positions }))
    }

    pub(in crate::store) fn read_stream(&self, tx: &Tx, stream: &str, after: u64, limit: usize) -> Vec<RecordedEvent> {
        let committed = self.events.streams.get(stream).map_or(&[][..], |positions| positions);
        let committed = committed.iter().filter_map(|position| self.events.log.get(position));
        let all = committed.map(|event| &**event).chain(tx.own_events(stream));
        all.skip(usize::try_from(after).unwrap_or(usize::MAX)).take(limit).cloned().collect()
    }

    pub(in crate::store) fn stream_snapshot(&self, tx: &Tx, stream: &str) -> Option<StreamSnapshot> {
        let stored = self.events.snapshots.get(stream);
        let own = tx.own_snapshot(stream);
        // Of two of one version the transaction's own is the later one.
        stored.into_iter().chain(own).max_by_key(|snapshot| snapshot.version).cloned()
    }

    pub(in crate::store) fn put_stream_snapshot(
        &self,
        tx: &mut Tx,
        stream: &str,
        version: u64,
        state: Bytes,
    ) -> Result<bool, StoreError> {
        let there = self.stream_version(tx, stream);
        if version > there {
            return Err(StoreError::Refused(format_smolstr!(
                "a snapshot of stream {stream} at version {version} is ahead of it: it is at version {there}"
            )));
        }
        if self.stream_snapshot(tx, stream).is_some_and(|stored| stored.version > version) {
            return Ok(false);
        }
        tx.events.push(EventWrite::Snapshot(stream.into(), StreamSnapshot { version, state }));
        Ok(true)
    }

    /// Reads the log up to the first event that may still commit.
    pub(in crate::store) fn read_events(&self, after: u64, limit: usize) -> Vec<RecordedEvent> {
        let end = self.events.out.first().copied().unwrap_or(u64::MAX);
        let shown = self.events.log.range(after.saturating_add(1).min(end)..end);
        shown.take(limit).map(|(_, event)| (**event).clone()).collect()
    }
}
