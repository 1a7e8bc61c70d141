//! Dead rows and old rows: an operator's work, and the routine that keeps the table small.

use rusqlite::{Connection, OptionalExtension, Row};
use seaworthy_core::{
    ids::MessageId,
    ports::{OutboxRow, RedriveRequest, RowId, Timestamp},
};
use smol_str::SmolStr;

use super::lane;
use crate::{
    columns::{IdText, limit as as_limit, read_optional_text},
    envelope::{ENVELOPE_WIDTH, envelope_columns, read_any_id, read_lossily, read_message},
};

/// Dead rows, longest dead first. One that can't be read is shown as far as it can be, with the reason.
pub(crate) fn dead_rows(connection: &Connection, limit: usize) -> rusqlite::Result<Vec<(OutboxRow, SmolStr)>> {
    connection
        .prepare_cached(concat!(
            "SELECT ",
            envelope_columns!(),
            ", attempts, last_error FROM seaworthy_outbox INDEXED BY seaworthy_outbox_dead \
             WHERE state = 3 ORDER BY settled_at, sequence LIMIT ?1"
        ))?
        .query_map([as_limit(limit)], |row| {
            let message = read_message(row).or_else(|_| read_lossily(row))?;
            let shown = OutboxRow { row: RowId(message.sequence), message, attempts: row.get(ENVELOPE_WIDTH)? };
            Ok((shown, read_optional_text(row, ENVELOPE_WIDTH + 1)?.unwrap_or_default()))
        })?
        .collect()
}

pub(crate) fn redrive(connection: &Connection, request: &RedriveRequest) -> rusqlite::Result<Vec<MessageId>> {
    let chosen: Vec<(i64, MessageId)> = match &request.only {
        None => connection
            .prepare_cached(
                "SELECT sequence, id FROM seaworthy_outbox INDEXED BY seaworthy_outbox_dead
                 WHERE state = 3 ORDER BY settled_at, sequence LIMIT ?1",
            )?
            .query_map([as_limit(request.limit)], |row| Ok((row.get(0)?, read_any_id(row, 1)?)))?
            .collect::<rusqlite::Result<_>>()?,
        Some(events) => {
            let mut query = connection
                .prepare_cached("SELECT settled_at, sequence FROM seaworthy_outbox WHERE id = ?1 AND state = 3")?;
            let mut found: Vec<(i64, i64, MessageId)> = Vec::with_capacity(events.len());
            for event in events {
                let dated = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, *event));
                found.extend(query.query_row([IdText::new(event.0)], dated).optional()?);
            }
            found.sort_unstable();
            // An event may be named twice.
            found.dedup();
            found.into_iter().map(|(_, sequence, message)| (sequence, message)).take(request.limit).collect()
        }
    };
    let mut revive = connection.prepare_cached(
        "UPDATE seaworthy_outbox SET state = 0, attempts = 0, available_at = 0, settled_at = NULL, head = 0
         WHERE sequence = ?1",
    )?;
    for (sequence, _) in &chosen {
        let head = lane::first_open(connection, *sequence)?;
        revive.execute([sequence])?;
        lane::revived(connection, *sequence, head)?;
    }
    Ok(chosen.into_iter().map(|(_, message)| message).collect())
}

pub(super) const PURGE_DISPATCHED: &str = "DELETE FROM seaworthy_outbox WHERE sequence IN (
         SELECT sequence FROM seaworthy_outbox INDEXED BY seaworthy_outbox_dispatched
         WHERE state = 2 AND settled_at <= ?1 ORDER BY settled_at, sequence LIMIT ?2)
         RETURNING id";

const PURGE_DEAD: &str = "DELETE FROM seaworthy_outbox WHERE sequence IN (
         SELECT sequence FROM seaworthy_outbox INDEXED BY seaworthy_outbox_dead
         WHERE state = 3 AND settled_at <= ?1 ORDER BY settled_at, sequence LIMIT ?2)
         RETURNING id";

pub(crate) fn purge_dispatched(
    connection: &Connection,
    before: Timestamp,
    limit: usize,
) -> rusqlite::Result<Vec<MessageId>> {
    purge(connection, PURGE_DISPATCHED, before, limit)
}

pub(crate) fn purge_dead(connection: &Connection, before: Timestamp, limit: usize) -> rusqlite::Result<Vec<MessageId>> {
    purge(connection, PURGE_DEAD, before, limit)
}

fn purge(connection: &Connection, sql: &str, before: Timestamp, limit: usize) -> rusqlite::Result<Vec<MessageId>> {
    let mut purge = connection.prepare_cached(sql)?;
    purge.query_map((before.as_micros(), as_limit(limit)), |row| read_any_id(row, 0))?.collect()
}
