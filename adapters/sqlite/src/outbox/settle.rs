use rusqlite::{Connection, OptionalExtension, params};
use seaworthy_core::{
    ids::ClaimToken,
    ports::{RowId, SettleOutcome, Settlement, Timestamp},
};
use smol_str::SmolStr;

use crate::columns::{IdText, moment, read_text};

/// Settles rows that the token still holds. The token fences: a relay whose lease ended, and whose row another one has
/// claimed since, changes nothing.
pub(crate) fn settle(
    connection: &Connection,
    token: ClaimToken,
    settlements: &[Settlement],
    now: Timestamp,
) -> rusqlite::Result<Vec<bool>> {
    let token = IdText::new(token.0);
    settlements
        .iter()
        .map(|settlement| match &settlement.outcome {
            SettleOutcome::Dispatched => end(connection, settlement.row, &token, 2, None, now),
            SettleOutcome::Dead { reason } => end(connection, settlement.row, &token, 3, Some(reason), now),
            SettleOutcome::Retry { delay, error } => {
                let due = if delay.is_zero() { 0 } else { moment(now + *delay) };
                give_back(connection, settlement.row, &token, due, 0, Some(error))
            }
            SettleOutcome::Release { delay } => {
                let due = if delay.is_zero() { 0 } else { moment(now + *delay) };
                give_back(connection, settlement.row, &token, due, 1, None)
            }
        })
        .collect()
}

fn give_back(
    connection: &Connection,
    row: RowId,
    token: &IdText,
    due: i64,
    attempts_taken_back: u32,
    error: Option<&SmolStr>,
) -> rusqlite::Result<bool> {
    let given = connection
        .prepare_cached(
            "UPDATE seaworthy_outbox
             SET state = 0, claim_token = NULL, available_at = ?3, attempts = attempts - ?4,
                 last_error = coalesce(?5, last_error)
             WHERE sequence = ?1 AND state = 1 AND claim_token = ?2",
        )?
        .execute(params![row.0.cast_signed(), token, due, attempts_taken_back, error.map(SmolStr::as_str)])?;
    Ok(given == 1)
}

/// Takes a row out of its key's queue; the next one of the key becomes its head.
fn end(
    connection: &Connection,
    row: RowId,
    token: &IdText,
    state: i64,
    reason: Option<&SmolStr>,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let ended: Option<(bool, SmolStr)> = connection
        .prepare_cached(
            "UPDATE seaworthy_outbox
             SET state = ?3, claim_token = NULL, last_error = coalesce(?4, last_error), settled_at = ?5
             WHERE sequence = ?1 AND state = 1 AND claim_token = ?2 RETURNING head, partition_key",
        )?
        .query_row(params![row.0.cast_signed(), token, state, reason.map(SmolStr::as_str), now.as_micros()], |row| {
            Ok((row.get(0)?, read_text(row, 1)?))
        })
        .optional()?;
    move_up(connection, ended)
}

/// Makes the next row of a key its head, where a row has left the queue; `ended` says whether that row was the head.
pub(super) fn move_up(connection: &Connection, ended: Option<(bool, SmolStr)>) -> rusqlite::Result<bool> {
    let Some((was_head, key)) = ended else { return Ok(false) };
    if was_head && let Some(next) = first_open(connection, &key)? {
        set_head(connection, next, true)?;
    }
    Ok(true)
}

/// The earliest row of a key that is pending or claimed.
pub(super) fn first_open(connection: &Connection, key: &str) -> rusqlite::Result<Option<i64>> {
    let first: (Option<i64>, Option<i64>) =
        connection.prepare_cached(FIRST_OPEN)?.query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(first.0.into_iter().chain(first.1).min())
}

/// Each state is a range of the index of its own, so the minimum of each is one step into it.
pub(super) const FIRST_OPEN: &str = "SELECT
         (SELECT min(sequence) FROM seaworthy_outbox INDEXED BY seaworthy_outbox_key
          WHERE partition_key = ?1 AND state = 0 AND state <> 2),
         (SELECT min(sequence) FROM seaworthy_outbox INDEXED BY seaworthy_outbox_key
          WHERE partition_key = ?1 AND state = 1 AND state <> 2)";

pub(super) fn set_head(connection: &Connection, sequence: i64, head: bool) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE seaworthy_outbox SET head = ?2 WHERE sequence = ?1")?
        .execute((sequence, head))
        .map(drop)
}
