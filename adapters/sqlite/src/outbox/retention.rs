//! Dead rows and old rows: an operator's work, and the routine that keeps the table small.

use rusqlite::{Connection, OptionalExtension, Row};
use seaworthy_core::{
    ids::MessageId,
    ports::{OutboxRow, RedriveRequest, Timestamp},
};
use smol_str::SmolStr;

use super::{
    claim::read_row,
    settle::{first_open, set_head},
};
use crate::{
    columns::{IdText, limit as as_limit, read_id, read_optional_text, read_text},
    envelope::{ENVELOPE_WIDTH, envelope_columns},
};

pub(crate) fn dead_rows(connection: &Connection, limit: usize) -> rusqlite::Result<Vec<(OutboxRow, SmolStr)>> {
    connection
        .prepare_cached(concat!(
            "SELECT ",
            envelope_columns!(),
            ", attempts, 0, last_error FROM seaworthy_outbox INDEXED BY seaworthy_outbox_dead \
             WHERE state = 3 ORDER BY settled_at, sequence LIMIT ?1"
        ))?
        .query_map([as_limit(limit)], |row| {
            Ok((read_row(row)?, read_optional_text(row, ENVELOPE_WIDTH + 2)?.unwrap_or_default()))
        })?
        .collect()
}

pub(crate) fn redrive(connection: &Connection, request: &RedriveRequest) -> rusqlite::Result<Vec<MessageId>> {
    let chosen: Vec<(i64, SmolStr, MessageId)> = match &request.only {
        None => connection
            .prepare_cached(
                "SELECT sequence, partition_key, id FROM seaworthy_outbox INDEXED BY seaworthy_outbox_dead
                 WHERE state = 3 ORDER BY settled_at, sequence LIMIT ?1",
            )?
            .query_map([as_limit(request.limit)], read_place)?
            .collect::<rusqlite::Result<_>>()?,
        Some(events) => {
            let mut query = connection.prepare_cached(
                "SELECT sequence, partition_key, id, settled_at FROM seaworthy_outbox WHERE id = ?1 AND state = 3",
            )?;
            let dated = |row: &Row<'_>| Ok((row.get::<_, i64>(3)?, read_place(row)?));
            let mut found = Vec::with_capacity(events.len());
            for event in events {
                found.extend(query.query_row([IdText::new(event.0)], dated).optional()?);
            }
            found.sort_unstable();
            // An event may be named twice.
            found.dedup();
            found.into_iter().map(|(_, place)| place).take(request.limit).collect()
        }
    };
    let mut revive = connection.prepare_cached(
        "UPDATE seaworthy_outbox SET state = 0, attempts = 0, available_at = 0, settled_at = NULL, head = 0
         WHERE sequence = ?1",
    )?;
    for (sequence, key, _) in &chosen {
        let head = first_open(connection, key)?;
        revive.execute([sequence])?;
        // Its place is the one it always had: ahead of what was committed after it.
        match head {
            Some(head) if head < *sequence => {}
            Some(head) => {
                set_head(connection, head, false)?;
                set_head(connection, *sequence, true)?;
            }
            None => set_head(connection, *sequence, true)?,
        }
    }
    Ok(chosen.into_iter().map(|(.., message)| message).collect())
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
    purge.query_map((before.as_micros(), as_limit(limit)), |row| read_id(row, 0).map(MessageId))?.collect()
}

fn read_place(row: &Row<'_>) -> rusqlite::Result<(i64, SmolStr, MessageId)> {
    Ok((row.get(0)?, read_text(row, 1)?, MessageId(read_id(row, 2)?)))
}
