//! The inbox: which messages each consumer has seen, its dead letters and its watermarks.

mod bury;
mod letters;
mod purge;

use rusqlite::{Connection, OptionalExtension, params};
use seaworthy_core::ports::{InboxEntry, InboxInsert, Seen, StoreError, Timestamp};

pub(crate) use self::{
    bury::{Taken, bury, exhume},
    letters::{ask_redrive, dead_letters},
    purge::purge,
};
use crate::{
    columns::{IdText, integer},
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
             SELECT ?1, ?2, ?3, ?4, ?5, 0, 1, ?6, ?7, ?8
             WHERE ?5 = 0
                OR NOT EXISTS (SELECT 1 FROM seaworthy_watermarks
                               WHERE consumer = ?1 AND source = ?3 AND epoch = ?8 AND key = ?4 AND sequence >= ?5)
                OR EXISTS (SELECT 1 FROM seaworthy_inbox WHERE consumer = ?1 AND message = ?2)
             ON CONFLICT (consumer, message)
                 DO UPDATE SET failures = failures + (state = 0), last_error = excluded.last_error,
                               at = CASE state WHEN 0 THEN excluded.at ELSE at END
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
        .optional()
        // One that was handled and whose row was purged: nothing is kept.
        .map(|failures| failures.unwrap_or(1))
        .map_err(|failure| in_statement("count inbox failure", &failure))
}
