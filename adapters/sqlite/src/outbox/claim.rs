//! Claims: rows that are due are handed to a relay, for as long as its lease.

use rusqlite::Connection;
use seaworthy_core::ports::{ClaimRequest, OutboxOrder, OutboxRow, Timestamp, WhenDead};

use super::{
    due::{Wanted, due},
    lane,
};
use crate::columns::{IdText, moment};

/// Claims what is due. A row that can't be read is buried instead, so that it stands in nobody's way.
pub(crate) fn claim(
    connection: &Connection,
    request: &ClaimRequest,
    now: Timestamp,
) -> rusqlite::Result<Vec<OutboxRow>> {
    let &ClaimRequest { ordering, when_dead, limit, .. } = request;
    let wanted = Wanted { ordering, when_dead, except: &request.except_topics, limit, now };
    let due = due(connection, wanted, request.token.0.as_u128())?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let token = IdText::new(request.token.0);
    let lease_until = moment(now + request.lease);
    let mut take = connection.prepare_cached(
        "UPDATE seaworthy_outbox SET state = 1, attempts = attempts + 1, claim_token = ?2, available_at = ?3
         WHERE sequence = ?1",
    )?;
    let has_gaps = ordering == OutboxOrder::PerKey && when_dead == WhenDead::SkipDead;
    let mut rows = Vec::with_capacity(due.len());
    for candidate in due {
        let sequence = candidate.sequence;
        match candidate.finish(connection, has_gaps)? {
            Ok(mut row) => {
                take.execute((sequence, &token, lease_until))?;
                row.attempts += 1;
                rows.push(row);
            }
            Err(reason) => lane::bury_unread(connection, sequence, &reason, now)?,
        }
    }
    Ok(rows)
}
