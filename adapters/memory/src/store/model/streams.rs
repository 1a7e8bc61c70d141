//! Statements on streams of events: they see what is committed and the transaction's own writes.

use bytes::Bytes;
use seaworthy_core::{
    message::Message,
    ports::{Appended, EventAppend, RecordedEvent, StoreError, StreamSnapshot},
};
use smol_str::format_smolstr;

use super::{
    Attempt, StoreModel, Tx,
    events::EventWrite,
    locks::{Acquired, UniqueKey},
};

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
            if self.events.contains(event.id) || tx.events.iter().any(is_own) {
                return Err(StoreError::Conflict("an event of this id was appended before".into()));
            }
            version += 1;
            let (sequence, epoch) = self.events.next_position();
            positions.push(sequence);
            let message = Message { partition_key: stream.clone(), sequence, epoch, gap: 0, ..event.clone() };
            tx.events.push(EventWrite::Append(Box::new(RecordedEvent::new(version, message))));
        }
        Ok(Attempt::Done(Appended { version, positions }))
    }

    pub(in crate::store) fn read_stream(&self, tx: &Tx, stream: &str, after: u64, limit: usize) -> Vec<RecordedEvent> {
        let all = self.events.stream(stream).chain(tx.own_events(stream));
        all.skip(usize::try_from(after).unwrap_or(usize::MAX)).take(limit).cloned().collect()
    }

    pub(in crate::store) fn stream_snapshot(&self, tx: &Tx, stream: &str) -> Option<StreamSnapshot> {
        let stored = self.events.snapshot(stream);
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
}
