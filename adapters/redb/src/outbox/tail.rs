//! The outbox as a log: read in commit order, and settled without a claim.
//!
//! What can't go out is never looked at: the heads of keys come from the queues that claims read, and behind each head the
//! rows of its key follow, as far as none is in their way.

use seaworthy_core::{
    ids::MessageId,
    ports::{OutboxOrder, OutboxRow, TailRequest, Timestamp, WhenDead},
};

use super::{
    claim::show,
    due::{Candidate, Wanted, first_open, heads},
    lane::{self, sequence_in},
    row::{self, Row, RowState},
    stage::LAST,
};
use crate::{
    key::{Key, Range},
    tables::OUTBOX_DEAD_PLACES,
    view::{Result, Tables, View},
};

/// Rows that were read, and the numbers of those that can't be, with the reason.
pub(crate) type Page = (Vec<OutboxRow>, Vec<(u64, String)>);

pub(crate) fn tail(view: View<'_>, request: &TailRequest, now: Timestamp) -> Result<Page> {
    let &TailRequest { limit, ordering, when_dead, .. } = request;
    let wanted = Wanted { ordering, when_dead, except: &request.except_topics, limit, now };
    let per_key = ordering == OutboxOrder::PerKey;
    // Keys are left alone where there is an order in them.
    let mut found = heads(view, wanted, if per_key { &request.except_keys } else { &[] })?;
    if per_key {
        for head in found.clone() {
            if found.len() >= limit {
                break;
            }
            found.extend(followers(view, &head, request, limit - found.len(), now)?);
        }
        found.sort_unstable_by_key(|row| row.sequence);
    }
    let has_gaps = per_key && when_dead == WhenDead::SkipDead;
    let (mut rows, mut unread) = (Vec::with_capacity(found.len()), Vec::new());
    for candidate in found {
        match show(view, &candidate, has_gaps)? {
            Ok(row) => rows.push(row),
            Err(reason) => unread.push((candidate.sequence, reason)),
        }
    }
    Ok((rows, unread))
}

/// Rows of a key that may follow its head, up to the first that stands in the way of the rest. Where one is out the head
/// is no head, so those that count as claimed are those whose lease has ended.
fn followers(
    view: View<'_>,
    head: &Candidate,
    request: &TailRequest,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<Candidate>> {
    let key = &head.row.key;
    let mut open = Vec::new();
    for state in [RowState::Pending, RowState::Claimed] {
        open.extend(lane::behind(view, key, state, head.sequence, limit)?);
    }
    if open.is_empty() {
        return Ok(Vec::new());
    }
    let mut end = u64::MAX;
    if request.when_dead == WhenDead::BlockKey {
        end = lane::behind(view, key, RowState::Dead, head.sequence, 1)?.pop().unwrap_or(end);
    }
    open.sort_unstable();
    let mut found = Vec::new();
    for sequence in open.into_iter().take_while(|sequence| *sequence < end).take(limit) {
        let Some(row) = row::read(view, sequence)? else { break };
        if row.due > now.as_micros() || request.except_topics.contains(&row.topic) {
            break;
        }
        found.push(Candidate { sequence, row });
    }
    Ok(found)
}

/// A row that nobody holds a claim on, as it is.
fn free(view: View<'_>, message: MessageId, now: Timestamp) -> Result<Option<(u64, Row)>> {
    let Some(sequence) = row::sequence_of(view, message)? else { return Ok(None) };
    let is_free = |row: &Row| match row.state {
        RowState::Pending => true,
        RowState::Claimed => row.due <= now.as_micros(),
        RowState::Dispatched | RowState::Dead => false,
    };
    Ok(row::read(view, sequence)?.filter(is_free).map(|row| (sequence, row)))
}

/// Settles a row that nobody holds a claim on: dispatched, or dead for a reason. Says whether it was such a row.
pub(crate) fn mark(tables: Tables<'_>, message: MessageId, dead: Option<&str>, now: Timestamp) -> Result<bool> {
    let Some((sequence, before)) = free(*tables, message, now)? else { return Ok(false) };
    lane::end(tables, sequence, &before, dead, now)?;
    Ok(true)
}

/// Counts an attempt at a row that nobody holds a claim on, or takes one back. Says whether it was such a row.
pub(crate) fn attempt(tables: Tables<'_>, message: MessageId, begins: bool, now: Timestamp) -> Result<bool> {
    let Some((sequence, before)) = free(*tables, message, now)? else { return Ok(false) };
    let attempts = if begins { before.attempts.saturating_add(1) } else { before.attempts.saturating_sub(1) };
    row::update(tables, sequence, &before, &Row { attempts, ..before.clone() })?;
    Ok(true)
}

/// Gives up rows that can't be read, so that they stand in nobody's way.
pub(crate) fn bury_unread(tables: Tables<'_>, rows: &[(u64, String)], now: Timestamp) -> Result<()> {
    rows.iter().try_for_each(|(row, reason)| lane::bury_unread(tables, *row, reason, now))
}

/// The position up to which nothing waits any more.
pub(crate) fn settled_to(view: View<'_>, when_dead: WhenDead) -> Result<u64> {
    let mut first = first_open(view)?;
    if when_dead == WhenDead::BlockKey
        && let Some(dead) = view.first(OUTBOX_DEAD_PLACES, &Range::ALL)?
    {
        first = first.into_iter().chain([sequence_in(OUTBOX_DEAD_PLACES, &dead)?]).min();
    }
    match first {
        Some(first) => Ok(first.saturating_sub(1)),
        None => view.counter(&Key::of_text(LAST)),
    }
}
