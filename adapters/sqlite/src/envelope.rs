//! A message as columns: those of the Debezium outbox event router, then the rest of the envelope.

use rusqlite::Row;
use seaworthy_core::{ids::MessageId, message::Message};

use crate::columns::{read_bytes, read_count, read_id, read_optional_id, read_optional_text, read_text, read_time};

/// The columns that [`read_message`] expects, in its order.
macro_rules! envelope_columns {
    () => {
        "sequence, id, aggregatetype, aggregateid, type, payload, source, time, content_type, partition_key, \
         correlation_id, causation_id, traceparent"
    };
}
pub(crate) use envelope_columns;

/// How many columns [`read_message`] reads; what a query adds comes after them.
pub(crate) const ENVELOPE_WIDTH: usize = 13;

pub(crate) fn read_message(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        sequence: read_count(row, 0)?,
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
    })
}
