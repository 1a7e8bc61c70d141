//! Streams of events, and the log that all of them make up.
//!
//! There is one writer, and a position that was rolled back is handed out again: positions are in commit order and without a
//! gap, so the log can be read to its end.

use rusqlite::{Connection, OptionalExtension, Row, params};
use seaworthy_core::ports::{Appended, EventAppend, RecordedEvent, StoreError, StreamSnapshot};
use smol_str::{ToSmolStr as _, format_smolstr};

use crate::{
    columns::{IdText, integer, limit as as_limit, read_bytes, read_count},
    envelope::{ENVELOPE_WIDTH, envelope_columns, headers_text, read_lossily, read_message},
    error::in_statement,
};

/// The version that a stream has come to.
fn version(connection: &Connection, stream: &str) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT coalesce(max(version), 0) FROM seaworthy_events WHERE partition_key = ?1")?
        .query_row([stream], |row| read_count(row, 0))
}

pub(crate) fn append(connection: &Connection, append: &EventAppend) -> Result<Appended, StoreError> {
    let EventAppend { stream, expected, events, .. } = append;
    let failed = |failure| in_statement("append events", &failure);
    let mut version = version(connection, stream).map_err(failed)?;
    if !expected.holds(version) {
        return Err(StoreError::Conflict(format_smolstr!(
            "stream {stream} is at version {version}, which is not as expected ({expected:?})"
        )));
    }
    let mut positions = Vec::with_capacity(events.len());
    for message in events {
        version += 1;
        let stored = integer(version, "version")?;
        let inserted = connection
            .prepare_cached(
                "INSERT INTO seaworthy_events (id, aggregatetype, aggregateid, type, payload, source, time, content_type,
                                               partition_key, correlation_id, causation_id, traceparent, headers, version)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) RETURNING sequence",
            )
            .and_then(|mut write| {
                let values = params![
                    IdText::new(message.id.0),
                    message.topic.as_str(),
                    message.subject.as_str(),
                    message.kind.as_str(),
                    &message.data[..],
                    message.source.as_str(),
                    message.time.as_micros(),
                    message.content_type.as_str(),
                    stream.as_str(),
                    IdText::new(message.correlation_id),
                    message.causation_id.map(|id| IdText::new(id.0)),
                    message.traceparent.as_deref(),
                    headers_text(message, false),
                    stored,
                ];
                write.query_row(values, |row| read_count(row, 0))
            });
        positions.push(inserted.map_err(failed)?);
    }
    Ok(Appended { version, positions })
}

pub(crate) fn stream(
    connection: &Connection,
    stream: &str,
    after: u64,
    limit: usize,
) -> Result<Vec<RecordedEvent>, StoreError> {
    const STREAM: &str = concat!(
        "SELECT ",
        envelope_columns!(),
        ", version FROM seaworthy_events WHERE partition_key = ?1 AND version > ?2 ORDER BY version LIMIT ?3"
    );
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    connection
        .prepare_cached(STREAM)
        .and_then(|mut query| query.query_map((stream, after, as_limit(limit)), recorded)?.collect())
        .map_err(|failure| in_statement("read a stream", &failure))
}

pub(crate) fn log(connection: &Connection, after: u64, limit: usize) -> rusqlite::Result<Vec<RecordedEvent>> {
    const LOG: &str = concat!(
        "SELECT ",
        envelope_columns!(),
        ", version FROM seaworthy_events WHERE sequence > ?1 ORDER BY sequence LIMIT ?2"
    );
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    connection.prepare_cached(LOG)?.query_map((after, as_limit(limit)), recorded_or_shown)?.collect()
}

/// An event, or what there is of it: one that can't be read hides none of those behind it.
fn recorded_or_shown(row: &Row<'_>) -> rusqlite::Result<RecordedEvent> {
    recorded(row).or_else(|error| {
        let version = read_count(row, ENVELOPE_WIDTH).unwrap_or(0);
        Ok(RecordedEvent::unread(version, read_lossily(row)?, error.to_smolstr()))
    })
}

fn recorded(row: &Row<'_>) -> rusqlite::Result<RecordedEvent> {
    Ok(RecordedEvent::new(read_count(row, ENVELOPE_WIDTH)?, read_message(row)?))
}

pub(crate) fn snapshot(connection: &Connection, stream: &str) -> Result<Option<StreamSnapshot>, StoreError> {
    connection
        .prepare_cached("SELECT version, state FROM seaworthy_event_snapshots WHERE stream = ?1")
        .and_then(|mut query| {
            let read = |row: &Row<'_>| {
                let read = || Ok(StreamSnapshot { version: read_count(row, 0)?, state: read_bytes(row, 1)? });
                Ok(read().inspect_err(|error: &rusqlite::Error| {
                    tracing::warn!(stream, %error, "a snapshot can't be read: its stream is read from the first event");
                }))
            };
            query.query_row([stream], read).optional()
        })
        .map(|found| found.and_then(Result::ok))
        .map_err(|failure| in_statement("read a snapshot of a stream", &failure))
}

pub(crate) fn put_snapshot(connection: &Connection, stream: &str, at: u64, state: &[u8]) -> Result<bool, StoreError> {
    let failed = |failure| in_statement("keep a snapshot of a stream", &failure);
    let there = version(connection, stream).map_err(failed)?;
    if at > there {
        return Err(StoreError::Refused(format_smolstr!(
            "a snapshot of stream {stream} at version {at} is ahead of it: it is at version {there}"
        )));
    }
    let stored = integer(at, "version")?;
    let kept = connection
        .prepare_cached(
            "INSERT INTO seaworthy_event_snapshots (stream, version, state) VALUES (?1, ?2, ?3)
             ON CONFLICT (stream) DO UPDATE SET version = excluded.version, state = excluded.state
             WHERE excluded.version >= seaworthy_event_snapshots.version",
        )
        .and_then(|mut write| write.execute((stream, stored, state)));
    Ok(kept.map_err(failed)? > 0)
}
