//! The inbox: which messages each consumer has seen, its dead letters and its watermarks.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, Row, params};
use seaworthy_core::{
    ids::MessageId,
    message::Message,
    ports::{DeadLetter, DeadLetterRequest, InboxEntry, InboxInsert, InboxPurgeRequest, Seen, StoreError, Timestamp},
};
use smol_str::format_smolstr;

use crate::{
    columns::{IdText, integer, limit as as_limit, read_count, read_text, read_time},
    envelope::{ENVELOPE_WIDTH, envelope_columns, headers_text, read_message},
    error::in_statement,
};

pub(crate) fn insert(connection: &Connection, entry: &InboxEntry, now: Timestamp) -> Result<InboxInsert, StoreError> {
    let failed = |failure| in_statement("insert inbox row", &failure);
    let sequence = integer(entry.sequence, "sequence")?;
    // A message below the watermark has no row any more, unless it failed before: then it was not handled. A message
    // without a sequence is never below one.
    let inserted = connection
        .prepare_cached(
            "INSERT INTO seaworthy_inbox (consumer, message, source, key, sequence, state, at, epoch)
             SELECT ?1, ?2, ?3, ?4, ?5, 1, ?6, ?7
             WHERE ?5 = 0
                OR NOT EXISTS (SELECT 1 FROM seaworthy_watermarks
                               WHERE consumer = ?1 AND source = ?3 AND epoch = ?7 AND key = ?4 AND sequence >= ?5)
                OR EXISTS (SELECT 1 FROM seaworthy_inbox WHERE consumer = ?1 AND message = ?2)
             ON CONFLICT (consumer, message) DO UPDATE SET state = 1, at = excluded.at WHERE state = 0",
        )
        .and_then(|mut write| {
            write.execute(params![
                entry.consumer.as_str(),
                IdText::new(entry.message.0),
                entry.source.as_str(),
                entry.key.as_str(),
                sequence,
                now.as_micros(),
                entry.epoch.cast_signed()
            ])
        })
        .map_err(failed)?;
    if inserted == 1 {
        return Ok(InboxInsert::First);
    }
    let has_row = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM seaworthy_inbox WHERE consumer = ?1 AND message = ?2)")
        .and_then(|mut read| read.query_row((entry.consumer.as_str(), IdText::new(entry.message.0)), |row| row.get(0)))
        .map_err(failed)?;
    Ok(InboxInsert::Duplicate(if has_row { Seen::Row } else { Seen::Watermark }))
}

pub(crate) fn count_failure(
    connection: &Connection,
    entry: &InboxEntry,
    error: &str,
    now: Timestamp,
) -> Result<u32, StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO seaworthy_inbox (consumer, message, source, key, sequence, state, failures, last_error, at, epoch)
             VALUES (?1, ?2, ?3, ?4, ?5, 0, 1, ?6, ?7, ?8)
             ON CONFLICT (consumer, message)
                 DO UPDATE SET failures = failures + (state = 0), last_error = excluded.last_error
             RETURNING CASE state WHEN 0 THEN failures ELSE 1 END",
        )
        .and_then(|mut write| {
            write.query_row(
                params![
                    entry.consumer.as_str(),
                    IdText::new(entry.message.0),
                    entry.source.as_str(),
                    entry.key.as_str(),
                    i64::try_from(entry.sequence).unwrap_or(i64::MAX),
                    error,
                    now.as_micros(),
                    entry.epoch.cast_signed()
                ],
                |row| row.get(0),
            )
        })
        .map_err(|failure| in_statement("count inbox failure", &failure))
}

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
        return Ok(false);
    }
    connection
        .prepare_cached("UPDATE seaworthy_inbox SET state = 1, at = ?3 WHERE consumer = ?1 AND message = ?2")
        .and_then(|mut write| write.execute((entry.consumer.as_str(), &message, now.as_micros())))
        .map_err(failed)?;
    Ok(true)
}

/// The letters of a page, of which some more is asked than their consumer and place.
macro_rules! letters {
    ($more:literal) => {
        concat!(
            "SELECT ",
            envelope_columns!(),
            ", consumer, reason, failures, failed_at, gap, epoch, number, asked_at FROM seaworthy_dead_letters \
             WHERE consumer = ?1 AND number > ?2 AND (?3 IS NULL OR type = ?3) AND failed_at BETWEEN ?4 AND ?5 \
             AND (?7 IS NULL OR aggregatetype = ?7) AND (?8 IS NULL OR partition_key = ?8) \
             AND (?9 IS NULL OR instr(reason, ?9) > 0)",
            $more,
            " ORDER BY number LIMIT ?6"
        )
    };
}

pub(crate) fn dead_letters(connection: &Connection, request: &DeadLetterRequest) -> rusqlite::Result<Vec<DeadLetter>> {
    let (consumer, after) = (request.consumer.as_str(), i64::try_from(request.after).unwrap_or(i64::MAX));
    let kind = request.kind.as_deref();
    let (topic, key, reason) = (request.topic.as_deref(), request.key.as_deref(), request.reason.as_deref());
    let from = request.failed_from.map_or(i64::MIN, Timestamp::as_micros);
    let until = request.failed_until.map_or(i64::MAX, Timestamp::as_micros);
    let limit = as_limit(request.limit);
    let Some(only) = &request.only else {
        // By an index of those alone, since a consumer looks for them again and again.
        let asked = if request.asked { letters!(" AND asked_at IS NOT NULL") } else { letters!("") };
        let mut query = connection.prepare_cached(asked)?;
        return query
            .query_map(params![consumer, after, kind, from, until, limit, topic, key, reason], read_letter)?
            .collect();
    };
    // Those that are named are found by their ids, wherever they lie.
    let mut query = connection.prepare_cached(letters!(" AND id = ?10"))?;
    let only: BTreeSet<MessageId> = only.iter().copied().collect();
    let mut found = Vec::new();
    for message in only {
        let id = IdText::new(message.0);
        let named = params![consumer, after, kind, from, until, limit, topic, key, reason, id];
        found.extend(query.query_row(named, read_letter).optional()?);
    }
    found.retain(|letter: &DeadLetter| !request.asked || letter.asked_at.is_some());
    found.sort_unstable_by_key(|letter| letter.number);
    found.truncate(request.limit);
    Ok(found)
}

pub(crate) fn ask_redrive(
    connection: &Connection,
    request: &DeadLetterRequest,
    now: Timestamp,
) -> rusqlite::Result<Vec<MessageId>> {
    let letters = dead_letters(connection, request)?;
    let mut note = connection
        .prepare_cached("UPDATE seaworthy_dead_letters SET asked_at = ?2 WHERE number = ?1 AND asked_at IS NULL")?;
    for letter in &letters {
        note.execute((i64::try_from(letter.number).unwrap_or(i64::MAX), now.as_micros()))?;
    }
    Ok(letters.into_iter().map(|letter| letter.message.id).collect())
}

fn read_letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    let (gap, epoch) = (row.get(ENVELOPE_WIDTH + 4)?, read_count(row, ENVELOPE_WIDTH + 5)?);
    Ok(DeadLetter {
        number: read_count(row, ENVELOPE_WIDTH + 6)?,
        message: Message { gap, epoch, ..read_message(row)? },
        consumer: read_text(row, ENVELOPE_WIDTH)?,
        reason: read_text(row, ENVELOPE_WIDTH + 1)?,
        failures: row.get(ENVELOPE_WIDTH + 2)?,
        failed_at: read_time(row, ENVELOPE_WIDTH + 3)?,
        asked_at: row.get::<_, Option<i64>>(ENVELOPE_WIDTH + 7)?.map(Timestamp::from_micros),
    })
}

/// Deletes old watermarks and then old rows. The watermark rises in the same transaction in which the rows go, so there is no
/// moment at which a late duplicate finds neither.
pub(crate) fn purge(
    connection: &Connection,
    consumer: &str,
    request: &InboxPurgeRequest,
    now: Timestamp,
) -> rusqlite::Result<u64> {
    let limit = as_limit(request.limit);
    let forgotten = match request.watermarks_older_than {
        None => 0,
        Some(older_than) => connection
            .prepare_cached(
                "DELETE FROM seaworthy_watermarks WHERE (consumer, source, epoch, key) IN (
                     SELECT consumer, source, epoch, key FROM seaworthy_watermarks
                     WHERE consumer = ?1 AND raised_at <= ?2 ORDER BY raised_at, source, epoch, key LIMIT ?3)",
            )?
            .execute((consumer, now.before(older_than).as_micros(), limit))?,
    };
    let before = now.before(request.older_than).as_micros();
    connection
        .prepare_cached(
            "INSERT INTO seaworthy_watermarks (consumer, source, epoch, key, sequence, raised_at)
             SELECT ?1, source, epoch, key, max(sequence), ?4 FROM (
                 SELECT source, epoch, key, sequence FROM seaworthy_inbox
                 WHERE state = 1 AND consumer = ?1 AND at <= ?2 ORDER BY at, message LIMIT ?3)
             WHERE sequence > 0 GROUP BY source, epoch, key
             ON CONFLICT (consumer, source, epoch, key) DO UPDATE
                 SET sequence = max(sequence, excluded.sequence), raised_at = max(raised_at, excluded.raised_at)",
        )?
        .execute((consumer, before, limit, now.as_micros()))?;
    let purged = connection
        .prepare_cached(
            "DELETE FROM seaworthy_inbox WHERE (consumer, message) IN (
                 SELECT consumer, message FROM seaworthy_inbox
                 WHERE state = 1 AND consumer = ?1 AND at <= ?2 ORDER BY at, message LIMIT ?3)",
        )?
        .execute((consumer, before, limit))?;
    Ok((purged + forgotten) as u64)
}
