//! Messages that a consumer gives up, and takes up again.

use rusqlite::{Connection, Row, params};
use seaworthy_core::{
    ids::MessageId,
    message::Message,
    ports::{InboxEntry, InboxInsert, StoreError, Timestamp},
};
use smol_str::format_smolstr;

use super::insert;
use crate::{
    columns::IdText,
    envelope::{envelope_columns, headers_text, read_any_id},
    error::in_statement,
};

/// Manner in which a transaction has come to count a message as handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Inserted its row.
    Inserted,
    /// Taken out its dead letter.
    Exhumed,
}

/// Buries a message, unless it was handled by another transaction; `taken` says that this one did.
pub(crate) fn bury(
    connection: &Connection,
    entry: &InboxEntry,
    message: &Message,
    reason: &str,
    taken: Option<Taken>,
    now: Timestamp,
) -> Result<(), StoreError> {
    if taken.is_none() && insert(connection, entry, now)? != InboxInsert::First {
        return Err(StoreError::Conflict(format_smolstr!(
            "message {} was handled or buried by {} meanwhile: acknowledge it",
            entry.message,
            entry.consumer
        )));
    }
    let failed = |failure| in_statement("bury message", &failure);
    let failures: u32 = connection
        .prepare_cached(
            "UPDATE seaworthy_inbox SET state = 2, last_error = ?3, failures = CASE ?4 WHEN 1 THEN 0 WHEN 2 THEN failures + 1 ELSE failures END
             WHERE consumer = ?1 AND message = ?2 RETURNING failures",
        )
        .and_then(|mut write| {
            let message = IdText::new(entry.message.0);
            // One that was taken out and is put back has failed once more.
            let taken = match taken {
                None => 0,
                Some(Taken::Inserted) => 1,
                Some(Taken::Exhumed) => 2,
            };
            write.query_row((entry.consumer.as_str(), message, reason, taken), |row| row.get(0))
        })
        .map_err(failed)?;
    connection
        .prepare_cached(concat!(
            "INSERT INTO seaworthy_dead_letters (",
            envelope_columns!(),
            ", consumer, reason, failures, failed_at, gap, epoch) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)"
        ))
        .and_then(|mut write| {
            write.execute(params![
                i64::try_from(message.sequence).unwrap_or(i64::MAX),
                IdText::new(message.id.0),
                message.topic.as_str(),
                message.subject.as_str(),
                message.kind.as_str(),
                &message.data[..],
                message.source.as_str(),
                message.time.as_micros(),
                message.content_type.as_str(),
                message.partition_key.as_str(),
                IdText::new(message.correlation_id),
                message.causation_id.map(|id| IdText::new(id.0)),
                message.traceparent.as_deref(),
                headers_text(message, false),
                entry.consumer.as_str(),
                reason,
                failures,
                now.as_micros(),
                message.gap,
                message.epoch.cast_signed()
            ])
        })
        .map(drop)
        .map_err(failed)
}

pub(crate) fn exhume(connection: &Connection, entry: &InboxEntry, now: Timestamp) -> Result<bool, StoreError> {
    let failed = |failure| in_statement("exhume message", &failure);
    let message = IdText::new(entry.message.0);
    let deleted = connection
        .prepare_cached("DELETE FROM seaworthy_dead_letters WHERE consumer = ?1 AND id = ?2")
        .and_then(|mut write| write.execute((entry.consumer.as_str(), &message)))
        .map_err(failed)?;
    if deleted == 0 {
        return discard_unreadable(connection, entry).map_err(failed);
    }
    connection
        .prepare_cached("UPDATE seaworthy_inbox SET state = 1, at = ?3 WHERE consumer = ?1 AND message = ?2")
        .and_then(|mut write| write.execute((entry.consumer.as_str(), &message, now.as_micros())))
        .map_err(failed)?;
    Ok(true)
}

/// Deletes a letter whose id can't be read, by the id under which it is shown. Its row in the inbox, which nothing leads to any
/// more, stays: the message is seen.
fn discard_unreadable(connection: &Connection, entry: &InboxEntry) -> rusqlite::Result<bool> {
    let shown = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, read_any_id(row, 1)?));
    let mut query = connection.prepare_cached(
        "SELECT number, id FROM seaworthy_dead_letters WHERE consumer = ?1
         AND (id NOT GLOB '????????-????-????-????-????????????' OR length(replace(id, '-', '')) <> 32 OR id GLOB '*[^-0-9a-fA-F]*')",
    )?;
    let found: Vec<(i64, MessageId)> = query.query_map([entry.consumer.as_str()], shown)?.collect::<Result<_, _>>()?;
    let Some((number, _)) = found.into_iter().find(|(_, id)| *id == entry.message) else { return Ok(false) };
    connection.prepare_cached("DELETE FROM seaworthy_dead_letters WHERE number = ?1")?.execute([number])?;
    Ok(true)
}
