//! Claims: rows that are due are handed to a relay, for as long as its lease, and settled by it.

use seaworthy_core::{
    ids::ClaimToken,
    message::Message,
    ports::{ClaimRequest, OutboxOrder, OutboxRow, RowId, SettleOutcome, Settlement, Timestamp, WhenDead},
};

use super::{
    due::{Candidate, Wanted, due},
    lane,
    row::{self, Lane, Row, RowState, moment},
};
use crate::view::{Result, Tables, View};

/// Claims what is due. A row whose message can't be read is buried instead, so that it stands in nobody's way.
pub(crate) fn claim(tables: Tables<'_>, request: &ClaimRequest, now: Timestamp) -> Result<Vec<OutboxRow>> {
    let &ClaimRequest { ordering, when_dead, limit, .. } = request;
    let wanted = Wanted { ordering, when_dead, except: &request.except_topics, limit, now };
    let due = due(*tables, wanted, request.token.0.as_u128())?;
    let until = moment(now + request.lease);
    let has_gaps = ordering == OutboxOrder::PerKey && when_dead == WhenDead::SkipDead;
    let mut rows = Vec::with_capacity(due.len());
    for candidate in due {
        let Candidate { sequence, row: before } = &candidate;
        match show(*tables, &candidate, has_gaps)? {
            Ok(mut shown) => {
                shown.attempts += 1;
                let (token, attempts) = (Some(request.token.0), shown.attempts);
                let after = Row { state: RowState::Claimed, due: until, token, attempts, ..before.clone() };
                row::update(tables, *sequence, before, &after)?;
                rows.push(shown);
            }
            Err(reason) => lane::bury_unread(tables, *sequence, &reason, now)?,
        }
    }
    Ok(rows)
}

/// A row as a relay is given it, or the reason why it can't be.
pub(super) fn show(
    view: View<'_>,
    candidate: &Candidate,
    has_gaps: bool,
) -> Result<std::result::Result<OutboxRow, String>> {
    let Candidate { sequence, row } = candidate;
    let message = match row::message(view, *sequence)? {
        Ok(message) => message,
        Err(reason) => return Ok(Err(reason)),
    };
    // What is first in its key has passed nothing.
    let gap = if has_gaps && row.lane != Lane::First { lane::gap(view, &row.key, *sequence)? } else { 0 };
    Ok(Ok(OutboxRow { row: RowId(*sequence), message: Message { gap, ..message }, attempts: row.attempts }))
}

/// Settles rows that the token still holds. The token fences: a relay whose lease ended, and whose row another one has
/// claimed since, changes nothing.
pub(crate) fn settle(
    tables: Tables<'_>,
    token: ClaimToken,
    settlements: &[Settlement],
    now: Timestamp,
) -> Result<Vec<bool>> {
    let settle = |settlement: &Settlement| {
        let sequence = settlement.row.0;
        let Some(before) = row::read(*tables, sequence)?.filter(|row| row.is_held_by(token)) else { return Ok(false) };
        match &settlement.outcome {
            SettleOutcome::Dispatched => lane::end(tables, sequence, &before, None, now)?,
            SettleOutcome::Dead { reason } => lane::end(tables, sequence, &before, Some(reason), now)?,
            // Also without a delay it has waited, and joins the queue of those: at once again it would be the oldest of
            // those that were never tried, before all others each time.
            SettleOutcome::Retry { delay, error } => {
                let (due, error) = (moment(now + *delay), Some(error.clone()));
                let after = Row { state: RowState::Pending, token: None, due, error, ..before.clone() };
                row::update(tables, sequence, &before, &after)?;
            }
            SettleOutcome::Release { delay } => {
                let (due, attempts) = (moment(now + *delay), before.attempts.saturating_sub(1));
                let after = Row { state: RowState::Pending, token: None, due, attempts, ..before.clone() };
                row::update(tables, sequence, &before, &after)?;
            }
        }
        Ok(true)
    };
    settlements.iter().map(settle).collect()
}
