//! A message as columns: those of the Debezium outbox event router, then the rest of the envelope.

use std::{borrow::Cow, collections::BTreeMap};

use bytes::Bytes;
use rusqlite::{Row, types::ValueRef};
use seaworthy_core::{
    ids::MessageId,
    message::{Headers, Message, Schedule},
    ports::Timestamp,
};
use smol_str::{SmolStr, ToSmolStr as _};
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
    let Beside { headers, schedule, key } = read_beside(row, 13)?;
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
        partition_key: key.map_or_else(|| read_text(row, 9), Ok)?,
        correlation_id: read_id(row, 10)?,
        causation_id: read_optional_id(row, 11)?.map(MessageId),
        traceparent: read_optional_text(row, 12)?,
        headers,
        schedule,
    })
}

/// A message as far as its columns can be read, for an operator to look at.
pub(crate) fn read_lossily(row: &Row<'_>) -> rusqlite::Result<Message> {
    let text = |column| read_any_text(row, column);
    let Beside { headers, schedule, key } = read_beside(row, 13).unwrap_or_default();
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
        partition_key: key.map_or_else(|| text(9), Ok)?,
        correlation_id: read_id(row, 10).unwrap_or_default(),
        causation_id: read_optional_id(row, 11).unwrap_or_default().map(MessageId),
        traceparent: read_optional_text(row, 12).unwrap_or_default(),
        headers,
        schedule,
    })
}

/// An id, also where somebody else has staged a row under one that is no UUID: then it is derived from that.
pub(crate) fn read_any_id(row: &Row<'_>, column: usize) -> rusqlite::Result<MessageId> {
    read_id(row, column).map(MessageId).or_else(|_| {
        let text = lossy(row.get_ref(column)?);
        Ok(MessageId(Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes())))
    })
}

/// A text as well as it can be read.
pub(crate) fn read_any_text(row: &Row<'_>, column: usize) -> rusqlite::Result<SmolStr> {
    row.get_ref(column).map(|value| SmolStr::from(lossy(value)))
}

fn lossy(value: ValueRef<'_>) -> Cow<'_, str> {
    value.as_bytes_or_null().ok().flatten().map(String::from_utf8_lossy).unwrap_or_default()
}

/// Names under which the column of the headers holds what few messages have, so that all others cost nothing. No header can
/// have one of them.
const NOT_BEFORE: &str = "notbefore";
const EXPIRES: &str = "expirytime";
const PARTITION_KEY: &str = "partitionkey";

/// Contents of the column of the headers.
#[derive(Default)]
struct Beside {
    headers: Headers,
    schedule: Schedule,
    /// The partition key, where the row is kept in order by another one.
    key: Option<SmolStr>,
}

/// Headers and moments of a message as the column of the headers holds them, and its key where the row has another one:
/// nothing where there are none, which costs nothing.
pub(crate) fn headers_text(message: &Message, with_key: bool) -> Option<String> {
    let Message { headers, schedule, .. } = message;
    if schedule.is_none() {
        // Texts by their names always have a JSON form.
        return (!headers.is_empty()).then(|| serde_json::to_string(headers).unwrap_or_default());
    }
    let mut all: BTreeMap<SmolStr, SmolStr> = headers.clone().into();
    let moments = [(NOT_BEFORE, schedule.not_before), (EXPIRES, schedule.expires)];
    let moments = moments.into_iter().filter_map(|(name, at)| Some((name, at?.as_micros().to_smolstr())));
    let key = with_key.then(|| (PARTITION_KEY, message.partition_key.clone()));
    all.extend(moments.chain(key).map(|(name, value)| (SmolStr::new_static(name), value)));
    Some(serde_json::to_string(&all).unwrap_or_default())
}

fn read_beside(row: &Row<'_>, column: usize) -> rusqlite::Result<Beside> {
    let text = row.get_ref(column)?.as_str_or_null().map_err(|error| malformed(column, error))?;
    let Some(text) = text else { return Ok(Beside::default()) };
    let unread = |error: Box<dyn std::error::Error + Send + Sync>| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error)
    };
    let mut all: BTreeMap<SmolStr, SmolStr> = serde_json::from_str(text).map_err(|error| unread(error.into()))?;
    let key = all.remove(PARTITION_KEY);
    // A header of that name, from before it meant anything, is no moment.
    let mut moment = |name: &str| {
        let at = all.get(name)?.parse().ok()?;
        all.remove(name);
        Some(Timestamp::from_micros(at))
    };
    let schedule = Schedule { not_before: moment(NOT_BEFORE), expires: moment(EXPIRES) };
    let headers = Headers::try_from(all).map_err(|error| unread(error.into()))?;
    Ok(Beside { headers, schedule, key })
}
