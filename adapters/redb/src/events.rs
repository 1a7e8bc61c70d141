//! Streams of events, and the log that all of them make up.
//!
//! There is one writer, and a position that was rolled back is handed out again: positions are in commit order and without a
//! gap, so the log can be read to its end. No function here changes an event or takes one away.

use std::ops::{Bound, ControlFlow};

use bytes::Bytes;
use seaworthy_core::{
    ids::MessageId,
    message::{Message, MessageBuilder},
    ports::{Appended, EventAppend, RecordedEvent, StoreError, StreamSnapshot, Timestamp},
};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};
use uuid::Uuid;

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
        Self::new(version, message)
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
        found.push(match document::decode::<Event>(value) {
            Ok(event) => event.into(),
            Err(why) => shown(view, key, value, &why)?,
        });
        Ok(if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(found)
}

/// Shows as much as is known of an event that can't be read: it hides none of those behind it.
fn shown(view: View<'_>, key: &[u8], value: &[u8], why: &str) -> Result<RecordedEvent> {
    let position = as_number(key).map_err(|()| malformed(EVENTS, key))?;
    let salvaged = document::salvage(value);
    let version = salvaged.as_ref().and_then(|(document, _)| document.get("version")?.as_u64());
    let (Some((_, message)), Some(version)) = (salvaged, version) else {
        // Only the index of the streams says whose it is, and that has to be walked.
        let (stream, version) = place_of(view, position)?.unwrap_or_default();
        let id = MessageId(Uuid::new_v5(&Uuid::NAMESPACE_OID, &position.to_be_bytes()));
        let message = MessageBuilder::new("", "", "").partition_key(stream).build(id, Timestamp::EPOCH);
        return Ok(RecordedEvent::unread(version, Message { sequence: position, ..message }, why));
    };
    Ok(RecordedEvent::unread(version, Message { sequence: position, ..message }, why))
}

/// The stream and version of an event, by its position.
fn place_of(view: View<'_>, position: u64) -> Result<Option<(SmolStr, u64)>> {
    let mut found = None;
    view.each(EVENT_STREAMS, &Range::ALL, |key, value| {
        if as_number(value) != Ok(position) {
            return Ok(ControlFlow::Continue(()));
        }
        let mut parts = Parts::new(key);
        found = parts.text().and_then(|stream| Some((stream, parts.count()?)));
        Ok(ControlFlow::Break(()))
    })?;
    Ok(found)
}

pub(crate) fn snapshot(view: View<'_>, stream: &str) -> Result<Option<StreamSnapshot>> {
    let found = view.try_document::<Snapshot>(EVENT_SNAPSHOTS, &Key::of_text(stream))?;
    let found = found.and_then(|found| {
        let tell = |why: &String| tracing::warn!(stream, %why, "a snapshot can't be read: its stream is read from the first event");
        found.inspect_err(tell).ok()
    });
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
