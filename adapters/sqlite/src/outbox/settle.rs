use rusqlite::{Connection, OptionalExtension, params};
use seaworthy_core::{
    ids::ClaimToken,
    ports::{RowId, SettleOutcome, Settlement, Timestamp},
};
use smol_str::SmolStr;

use super::lane;
use crate::columns::{IdText, moment};

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
            // Also without a delay it has waited, and joins the queue of those: at once again it would be the oldest of
            // those that were never tried, before all others each time.
            SettleOutcome::Retry { delay, error } => {
                give_back(connection, settlement.row, &token, moment(now + *delay), 0, Some(error))
            }
            SettleOutcome::Release { delay } => {
                give_back(connection, settlement.row, &token, moment(now + *delay), 1, None)
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
    let row = row.0.cast_signed();
    let was_head: Option<bool> = connection
        .prepare_cached(
            "UPDATE seaworthy_outbox
             SET state = ?3, claim_token = NULL, last_error = coalesce(?4, last_error), settled_at = ?5
             WHERE sequence = ?1 AND state = 1 AND claim_token = ?2 RETURNING head > 0",
        )?
        .query_row(params![row, token, state, reason.map(SmolStr::as_str), now.as_micros()], |row| row.get(0))
        .optional()?;
    if let Some(was_head) = was_head {
        lane::settled(connection, row, was_head, reason.is_some())?;
    }
    Ok(was_head.is_some())
}
