//! The outbox as a log: read in commit order, and settled without a claim.
//!
//! What can't go out is never looked at: the heads of keys come from the queues that claims read, and behind each head the
//! rows of its key follow, as far as none is in their way.

use rusqlite::{Connection, OptionalExtension, params};
use seaworthy_core::{
    ids::MessageId,
    ports::{OutboxOrder, OutboxRow, TailRequest, Timestamp, WhenDead},
};

use super::{
    candidate::Candidate,
    due::{Wanted, first_open_head, heads},
    lane,
};
use crate::{
    columns::{IdText, limit as as_limit},
    envelope::{ENVELOPE_WIDTH, TOPIC, envelope_columns},
};

/// Rows that were read, and the numbers of those that can't be, with the reason.
pub(crate) type Page = (Vec<OutboxRow>, Vec<(i64, String)>);

pub(crate) fn tail(connection: &Connection, request: &TailRequest, now: Timestamp) -> rusqlite::Result<Page> {
    let &TailRequest { limit, ordering, when_dead, .. } = request;
    let except = &request.except_topics;
    let wanted = Wanted { ordering, when_dead, except, limit, now };
    let mut found = heads(connection, wanted, &request.except_keys)?;
    if ordering == OutboxOrder::PerKey {
        let heads: Vec<i64> = found.iter().map(|row| row.sequence).collect();
        for head in heads {
            if found.len() == limit {
                break;
            }
            found.extend(followers(connection, head, request, limit - found.len(), now)?);
        }
        found.sort_unstable_by_key(|row| row.sequence);
    }
    let has_gaps = ordering == OutboxOrder::PerKey && when_dead == WhenDead::SkipDead;
    let (mut rows, mut unread) = (Vec::with_capacity(found.len()), Vec::new());
    for candidate in found {
        let sequence = candidate.sequence;
        match candidate.finish(connection, has_gaps)? {
            Ok(row) => rows.push(row),
            Err(reason) => unread.push((sequence, reason)),
        }
    }
    Ok((rows, unread))
}

/// Rows of a key in state `?2` behind its head; the moment says whether a row may go out.
pub(super) const FOLLOWERS: &str = concat!(
    "SELECT ",
    envelope_columns!(),
    ", attempts, head, available_at FROM seaworthy_outbox INDEXED BY seaworthy_outbox_key
     WHERE partition_key = (SELECT partition_key FROM seaworthy_outbox WHERE sequence = ?1)
       AND state = ?2 AND state <> 2 AND sequence > ?1 ORDER BY sequence LIMIT ?3"
);

/// The next dead row of a key behind its head.
pub(super) const NEXT_DEAD: &str = "SELECT sequence FROM seaworthy_outbox INDEXED BY seaworthy_outbox_key
     WHERE partition_key = (SELECT partition_key FROM seaworthy_outbox WHERE sequence = ?1)
       AND state = 3 AND state <> 2 AND sequence > ?1 ORDER BY sequence LIMIT 1";

/// Rows of a key that may follow its head, up to the first that stands in the way of the rest. Where one is out the head
/// is no head, so those that count as claimed are those whose lease has ended.
fn followers(
    connection: &Connection,
    head: i64,
    request: &TailRequest,
    limit: usize,
    now: Timestamp,
) -> rusqlite::Result<Vec<Candidate>> {
    let mut found: Vec<(Candidate, bool)> = Vec::new();
    let mut query = connection.prepare_cached(FOLLOWERS)?;
    for state in [0, 1] {
        let mut rows = query.query((head, state, as_limit(limit)))?;
        while let Some(row) = rows.next()? {
            let topic = row.get_ref(TOPIC)?.as_bytes_or_null().ok().flatten().unwrap_or_default();
            let waits = row.get::<_, i64>(ENVELOPE_WIDTH + 2)? > now.as_micros();
            let stays = waits || request.except_topics.iter().any(|except| except.as_bytes() == topic);
            found.push((Candidate::read(row)?, stays));
        }
    }
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let mut end = i64::MAX;
    if request.when_dead == WhenDead::BlockKey {
        let dead = connection.prepare_cached(NEXT_DEAD)?.query_row([head], |row| row.get(0)).optional()?;
        end = dead.unwrap_or(end);
    }
    found.sort_unstable_by_key(|(row, _)| row.sequence);
    let going = found.into_iter().take_while(|(row, stays)| !stays && row.sequence < end);
    Ok(going.map(|(row, _)| row).take(limit).collect())
}

/// Settles a row that nobody holds a claim on: dispatched, or dead for a reason. Whether it was such a row.
pub(crate) fn mark(
    connection: &Connection,
    message: MessageId,
    dead: Option<&str>,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let marked: Option<(i64, bool)> = connection
        .prepare_cached(
            "UPDATE seaworthy_outbox
             SET state = ?2, claim_token = NULL, last_error = coalesce(?3, last_error), settled_at = ?4
             WHERE id = ?1 AND (state = 0 OR state = 1 AND available_at <= ?4) RETURNING sequence, head > 0",
        )?
        .query_row(params![IdText::new(message.0), if dead.is_some() { 3 } else { 2 }, dead, now.as_micros()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    if let Some((row, was_head)) = marked {
        lane::settled(connection, row, was_head, dead.is_some())?;
    }
    Ok(marked.is_some())
}

/// Counts an attempt at a row that nobody holds a claim on, or takes one back. Whether it was such a row.
pub(crate) fn attempt(
    connection: &Connection,
    message: MessageId,
    begins: bool,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let change = if begins { 1 } else { -1 };
    let counted = connection
        .prepare_cached(
            "UPDATE seaworthy_outbox SET attempts = max(0, attempts + ?2)
             WHERE id = ?1 AND (state = 0 OR state = 1 AND available_at <= ?3)",
        )?
        .execute(params![IdText::new(message.0), change, now.as_micros()])?;
    Ok(counted == 1)
}

/// Gives up rows that can't be read, so that they stand in nobody's way.
pub(crate) fn bury_unread(connection: &Connection, rows: &[(i64, String)], now: Timestamp) -> rusqlite::Result<()> {
    rows.iter().try_for_each(|(row, reason)| lane::bury_unread(connection, *row, reason, now))
}

pub(super) const FIRST_DEAD: &str =
    "SELECT min(sequence) FROM seaworthy_outbox INDEXED BY seaworthy_outbox_dead_places WHERE state = 3";

/// The position up to which nothing waits any more. The first open row is the head of its key, so no others are looked at.
pub(crate) fn settled_to(connection: &Connection, when_dead: WhenDead) -> rusqlite::Result<u64> {
    let mut first = first_open_head(connection)?;
    if when_dead == WhenDead::BlockKey {
        let dead: Option<i64> = connection.prepare_cached(FIRST_DEAD)?.query_row([], |row| row.get(0))?;
        first = first.into_iter().chain(dead).min();
    }
    let before = match first {
        Some(first) => first - 1,
        None => connection
            .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'seaworthy_outbox'")?
            .query_row([], |row| row.get(0))
            .optional()?
            .unwrap_or(0),
    };
    Ok(u64::try_from(before).unwrap_or(0))
}
