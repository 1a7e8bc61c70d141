use rusqlite::{Connection, params};
use seaworthy_core::{message::Message, ports::StoreError};

use crate::{
    columns::{IdText, moment},
    envelope::headers_text,
    error::in_statement,
};

/// Stages a message. SQLite numbers the row; since there is one writer, the numbers are in commit order.
///
/// A fresh row is available at `0`, not now: it is due also when the clock steps back after this. One with a moment is
/// available then, and ordered by a key of its own; the key that it is published with stands among its headers.
pub(crate) fn stage(connection: &Connection, message: &Message) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO seaworthy_outbox (id, aggregatetype, aggregateid, type, payload, source, time, content_type,
                                           partition_key, correlation_id, causation_id, traceparent, headers, available_at, head)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,
                     CASE (SELECT min(state) FROM seaworthy_outbox INDEXED BY seaworthy_outbox_key
                           WHERE partition_key = ?9 AND state <> 2)
                     WHEN 0 THEN 0 WHEN 1 THEN 0 WHEN 3 THEN 2 ELSE 1 END)",
        )
        .and_then(|mut write| {
            let available_at = message.schedule.not_before.map_or(0, moment);
            write.execute(params![
                IdText::new(message.id.0),
                message.topic.as_str(),
                message.subject.as_str(),
                message.kind.as_str(),
                &message.data[..],
                message.source.as_str(),
                message.time.as_micros(),
                message.content_type.as_str(),
                message.order_key().as_str(),
                IdText::new(message.correlation_id),
                message.causation_id.map(|id| IdText::new(id.0)),
                message.traceparent.as_deref(),
                headers_text(message, message.schedule.not_before.is_some()),
                available_at,
            ])
        })
        .map(drop)
        .map_err(|failure| in_statement("stage message", &failure))
}
