//! The outbox as a log: read in commit order from a position on, and settled without a claim.
//!
//! What is dispatched is never looked at: the rows to show come from the partial indexes on open and on dead rows.

use rusqlite::{Connection, OptionalExtension, params};
use seaworthy_core::{
    ids::MessageId,
    ports::{OutboxRow, OutboxState, Timestamp},
};

use super::{
    claim::{dead_before, read_row},
    settle::move_up,
};
use crate::{
    columns::{IdText, limit as as_limit, read_text},
    envelope::{ENVELOPE_WIDTH, envelope_columns},
};

/// The numbers of the rows to show, and then those rows. Of open rows that wait for nothing, the usual case, no more than
/// the limit are looked at. Those that another relay claimed or put off come in another order, so all of them are; there
/// are none unless a relay that claims has left some. Of the dead, all of their index is read, which holds nothing else.
///
/// One statement, because rows must not change between two.
pub(super) const TAIL: &str = concat!(
    "SELECT ",
    envelope_columns!(),
    ", attempts, ",
    dead_before!(),
    ", CASE WHEN state = 1 AND available_at <= ?3 THEN 0 ELSE state END FROM seaworthy_outbox AS o
     WHERE sequence IN (
         SELECT sequence FROM (SELECT sequence FROM seaworthy_outbox INDEXED BY seaworthy_outbox_due
             WHERE state < 2 AND head = 1 AND available_at = 0 ORDER BY sequence LIMIT ?2)
         UNION ALL
         SELECT sequence FROM (SELECT sequence FROM seaworthy_outbox INDEXED BY seaworthy_outbox_due
             WHERE state < 2 AND head = 0 AND available_at = 0 ORDER BY sequence LIMIT ?2)
         UNION ALL
         SELECT sequence FROM seaworthy_outbox INDEXED BY seaworthy_outbox_due
             WHERE state < 2 AND head IN (0, 1) AND available_at > 0
         UNION ALL
         SELECT sequence FROM seaworthy_outbox INDEXED BY seaworthy_outbox_dead WHERE state = 3 AND sequence > ?1)
     ORDER BY sequence LIMIT ?2"
);

pub(crate) fn tail(
    connection: &Connection,
    after: u64,
    limit: usize,
    now: Timestamp,
) -> rusqlite::Result<Vec<(OutboxRow, OutboxState)>> {
    connection
        .prepare_cached(TAIL)?
        .query_map((after.cast_signed(), as_limit(limit), now.as_micros()), |row| {
            let state = match row.get(ENVELOPE_WIDTH + 2)? {
                0 => OutboxState::Pending,
                1 => OutboxState::Claimed,
                2 => OutboxState::Dispatched,
                _ => OutboxState::Dead,
            };
            Ok((read_row(row)?, state))
        })?
        .collect()
}

/// Settles a row that nobody holds a claim on: dispatched, or dead for a reason. Whether it was such a row.
pub(crate) fn mark(
    connection: &Connection,
    message: MessageId,
    dead: Option<&str>,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let marked = connection
        .prepare_cached(
            "UPDATE seaworthy_outbox
             SET state = ?2, claim_token = NULL, last_error = coalesce(?3, last_error), settled_at = ?4
             WHERE id = ?1 AND (state = 0 OR state = 1 AND available_at <= ?4) RETURNING head, partition_key",
        )?
        .query_row(params![IdText::new(message.0), if dead.is_some() { 3 } else { 2 }, dead, now.as_micros()], |row| {
            Ok((row.get(0)?, read_text(row, 1)?))
        })
        .optional()?;
    move_up(connection, marked)
}
