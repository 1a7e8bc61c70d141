//! Streams of events, and the log that all of them make up.
//!
//! There is one writer, and a position that was rolled back is handed out again: positions are in commit order and without a
//! gap, so the log can be read to its end. No function here changes an event or takes one away.

use std::ops::{Bound, ControlFlow};

use bytes::Bytes;
use seaworthy_core::{
    message::Message,
    ports::{Appended, EventAppend, RecordedEvent, StoreError, StreamSnapshot},
};
use serde::{Deserialize, Serialize};
use smol_str::format_smolstr;

use crate::{
    document::{self, Payload},
    key::{Key, Parts, Range},
    tables::{EVENT_IDS, EVENT_SNAPSHOTS, EVENT_STREAMS, EVENTS},
    view::{Result, Tables, View, as_number, malformed, unreadable},
};

/// Counter of the positions that were handed out.
const LAST: &str = "events";

#[derive(Serialize, Deserialize)]
struct Event {
    version: u64,
    message: Message,
}

impl From<Event> for RecordedEvent {
    fn from(Event { version, message }: Event) -> Self {
        Self { version, message }
    }
}

#[derive(Serialize, Deserialize)]
struct Snapshot {
    version: u64,
    state: Payload,
}

/// The version that a stream has come to.
fn version(view: View<'_>, stream: &str) -> Result<u64> {
    let of = Key::of_text(stream);
    let Some(last) = view.last(EVENT_STREAMS, &of.prefixed())? else { return Ok(0) };
    Parts::new(&last[of.bytes().len()..]).count().ok_or_else(|| malformed(EVENT_STREAMS, &last))
}

pub(crate) fn append(tables: Tables<'_>, append: &EventAppend, epoch: u64) -> Result<Appended> {
    let EventAppend { stream, expected, events, .. } = append;
    let mut version = version(*tables, stream)?;
    if !expected.holds(version) {
        return Err(StoreError::Conflict(format_smolstr!(
            "stream {stream} is at version {version}, which is not as expected ({expected:?})"
        )));
    }
    let mut positions = Vec::with_capacity(events.len());
    for event in events {
        if tables.has(EVENT_IDS, &Key::of_id(event.id.0))? {
            let id = event.id;
            return Err(StoreError::Conflict(format_smolstr!("append events: one of id {id} was appended before")));
        }
        version += 1;
        let position = tables.next(LAST)?;
        let message = Message { partition_key: stream.clone(), sequence: position, epoch, gap: 0, ..event.clone() };
        tables.put_document(EVENTS, &Key::of_count(position), &Event { version, message })?;
        tables.put_number(EVENT_IDS, &Key::of_id(event.id.0), position)?;
        tables.put_number(EVENT_STREAMS, &Key::of_text(stream).count(version), position)?;
        positions.push(position);
    }
    Ok(Appended { version, positions })
}

pub(crate) fn stream(view: View<'_>, stream: &str, after: u64, limit: usize) -> Result<Vec<RecordedEvent>> {
    let of = Key::of_text(stream);
    let later = of.prefixed().from(Bound::Excluded(of.count(after)));
    let mut found = Vec::new();
    if limit == 0 {
        return Ok(found);
    }
    view.each(EVENT_STREAMS, &later, |key, position| {
        let position = as_number(position).map_err(|()| malformed(EVENT_STREAMS, key))?;
        let event: Option<Event> = view.document(EVENTS, &Key::of_count(position))?;
        found.push(event.ok_or_else(|| unreadable(EVENT_STREAMS, key, "its event is not there"))?.into());
        Ok(if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(found)
}

pub(crate) fn log(view: View<'_>, after: u64, limit: usize) -> Result<Vec<RecordedEvent>> {
    let later = Range::ALL.from(Bound::Excluded(Key::of_count(after)));
    let mut found = Vec::new();
    if limit == 0 {
        return Ok(found);
    }
    view.each(EVENTS, &later, |key, value| {
        let event: Event = document::decode(value).map_err(|why| unreadable(EVENTS, key, &why))?;
        found.push(event.into());
        Ok(if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(found)
}

pub(crate) fn snapshot(view: View<'_>, stream: &str) -> Result<Option<StreamSnapshot>> {
    let found: Option<Snapshot> = view.document(EVENT_SNAPSHOTS, &Key::of_text(stream))?;
    Ok(found.map(|snapshot| StreamSnapshot { version: snapshot.version, state: snapshot.state.0 }))
}

pub(crate) fn put_snapshot(tables: Tables<'_>, stream: &str, at: u64, state: Bytes) -> Result<bool> {
    let there = version(*tables, stream)?;
    if at > there {
        return Err(StoreError::Refused(format_smolstr!(
            "a snapshot of stream {stream} at version {at} is ahead of it: it is at version {there}"
        )));
    }
    if snapshot(*tables, stream)?.is_some_and(|stored| stored.version > at) {
        return Ok(false);
    }
    let snapshot = Snapshot { version: at, state: Payload(state) };
    tables.put_document(EVENT_SNAPSHOTS, &Key::of_text(stream), &snapshot)?;
    Ok(true)
}
