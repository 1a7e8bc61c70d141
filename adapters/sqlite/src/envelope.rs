//! A message as columns: those of the Debezium outbox event router, then the rest of the envelope.

use std::borrow::Cow;

use bytes::Bytes;
use rusqlite::{Row, types::ValueRef};
use seaworthy_core::{
    ids::MessageId,
    message::{Headers, Message},
    ports::Timestamp,
};
use smol_str::SmolStr;
use uuid::Uuid;

use crate::columns::{
    malformed, read_bytes, read_count, read_id, read_optional_id, read_optional_text, read_text, read_time,
};

/// The columns that [`read_message`] expects, in its order.
macro_rules! envelope_columns {
    () => {
        "sequence, id, aggregatetype, aggregateid, type, payload, source, time, content_type, partition_key, \
         correlation_id, causation_id, traceparent, headers"
    };
}
pub(crate) use envelope_columns;

/// Number of columns that [`read_message`] reads; what a query adds comes after them.
pub(crate) const ENVELOPE_WIDTH: usize = 14;
/// The column of the topic, and that of the partition key.
pub(crate) const TOPIC: usize = 2;
pub(crate) const KEY: usize = 9;

pub(crate) fn read_message(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        sequence: read_count(row, 0)?,
        epoch: 0,
        gap: 0,
        id: MessageId(read_id(row, 1)?),
        topic: read_text(row, 2)?,
        subject: read_text(row, 3)?,
        kind: read_text(row, 4)?,
        data: read_bytes(row, 5)?,
        source: read_text(row, 6)?,
        time: read_time(row, 7)?,
        content_type: read_text(row, 8)?,
        partition_key: read_text(row, 9)?,
        correlation_id: read_id(row, 10)?,
        causation_id: read_optional_id(row, 11)?.map(MessageId),
        traceparent: read_optional_text(row, 12)?,
        headers: read_headers(row, 13)?,
    })
}

/// A message as far as its columns can be read, for an operator to look at.
pub(crate) fn read_lossily(row: &Row<'_>) -> rusqlite::Result<Message> {
    let text = |column| row.get_ref(column).map(|value| SmolStr::from(lossy(value)));
    Ok(Message {
        sequence: read_count(row, 0)?,
        gap: 0,
        epoch: 0,
        id: read_any_id(row, 1)?,
        topic: text(2)?,
        subject: text(3)?,
        kind: text(4)?,
        data: row.get_ref(5)?.as_bytes_or_null().ok().flatten().map(Bytes::copy_from_slice).unwrap_or_default(),
        source: text(6)?,
        time: read_time(row, 7).unwrap_or(Timestamp::EPOCH),
        content_type: text(8)?,
        partition_key: text(9)?,
        correlation_id: read_id(row, 10).unwrap_or_default(),
        causation_id: read_optional_id(row, 11).unwrap_or_default().map(MessageId),
        traceparent: read_optional_text(row, 12).unwrap_or_default(),
        headers: read_headers(row, 13).unwrap_or_default(),
    })
}

/// An id, also where somebody else has staged a row under one that is no UUID: then it is derived from that.
pub(crate) fn read_any_id(row: &Row<'_>, column: usize) -> rusqlite::Result<MessageId> {
    read_id(row, column).map(MessageId).or_else(|_| {
        let text = lossy(row.get_ref(column)?);
        Ok(MessageId(Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes())))
    })
}

fn lossy(value: ValueRef<'_>) -> Cow<'_, str> {
    value.as_bytes_or_null().ok().flatten().map(String::from_utf8_lossy).unwrap_or_default()
}

/// Headers as a column holds them: none where there are none, which costs nothing.
pub(crate) fn headers_text(headers: &Headers) -> Option<String> {
    // Texts by their names always have a JSON form.
    (!headers.is_empty()).then(|| serde_json::to_string(headers).unwrap_or_default())
}

fn read_headers(row: &Row<'_>, column: usize) -> rusqlite::Result<Headers> {
    let text = row.get_ref(column)?.as_str_or_null().map_err(|error| malformed(column, error))?;
    text.map_or(Ok(Headers::new()), |text| {
        serde_json::from_str(text).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
        })
    })
}
