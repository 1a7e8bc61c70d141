//! Rows that were dispatched: kept for a while, published once more, deleted.

use std::ops::{Bound, ControlFlow};

use seaworthy_core::{
    ids::MessageId,
    ports::{RepublishRequest, Timestamp},
};

use super::{
    dead::reopen,
    lane::sequence_in,
    row::{self, Row},
};
use crate::{
    indexed,
    key::{Key, Range},
    tables::{OUTBOX_DEAD, OUTBOX_DISPATCHED},
    view::{Result, Tables, View},
};

/// Shows the rows that a request asks for, those that were dispatched first.
fn each_asked_for(view: View<'_>, request: &RepublishRequest, mut show: impl FnMut(u64, Row)) -> Result<()> {
    let (since, until) = (request.since.as_micros(), request.until.as_micros());
    let span = Range::ALL.from(Bound::Included(Key::of_moment(since))).until(Bound::Excluded(Key::of_moment(until)));
    let mut left = request.limit;
    if left == 0 {
        return Ok(());
    }
    view.each(OUTBOX_DISPATCHED, &span, |key, _| {
        let sequence = sequence_in(OUTBOX_DISPATCHED, key)?;
        let row = row::read(view, sequence)?;
        if let Some(row) = row.filter(|row| request.topic.as_ref().is_none_or(|topic| *topic == row.topic)) {
            show(sequence, row);
            left -= 1;
        }
        Ok(if left > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })
}

/// Counts the rows that a request asks for.
pub(crate) fn count_dispatched(view: View<'_>, request: &RepublishRequest) -> Result<u64> {
    let mut count = 0;
    each_asked_for(view, request, |_, _| count += 1)?;
    Ok(count)
}

/// Makes dispatched rows pending that were dispatched in a span of time.
pub(crate) fn republish(tables: Tables<'_>, request: &RepublishRequest) -> Result<Vec<MessageId>> {
    let mut chosen = Vec::new();
    each_asked_for(*tables, request, |sequence, row| chosen.push((sequence, row)))?;
    let mut republished = Vec::with_capacity(chosen.len());
    for (sequence, row) in chosen {
        reopen(tables, sequence, &row, None)?;
        republished.push(MessageId(row.id));
    }
    Ok(republished)
}

/// Deletes rows that were dispatched at a time or before it.
pub(crate) fn purge_dispatched(tables: Tables<'_>, before: Timestamp, limit: usize) -> Result<Vec<MessageId>> {
    let old = Range::ALL.until(Bound::Included(Key::of_moment(before.as_micros()).count(u64::MAX)));
    let mut purged = Vec::new();
    for key in tables.keys(OUTBOX_DISPATCHED, &old, limit)? {
        let sequence = sequence_in(OUTBOX_DISPATCHED, &key)?;
        let place = Key::of_count(sequence);
        let Some(row) = indexed::read_by::<Row>(tables, OUTBOX_DISPATCHED, &key, &place)? else { continue };
        row::delete(tables, sequence, &row)?;
        purged.push(MessageId(row.id));
    }
    Ok(purged)
}

/// Has rows that were settled at a time that is still to come count as settled now. They are counted by it.
pub(crate) fn believe(tables: Tables<'_>, now: Timestamp) -> Result<()> {
    let later = Range::ALL.from(Bound::Excluded(Key::of_moment(now.as_micros()).count(u64::MAX)));
    for table in [OUTBOX_DISPATCHED, OUTBOX_DEAD] {
        for key in tables.keys(table, &later, usize::MAX)? {
            let sequence = sequence_in(table, &key)?;
            let Some(before) = row::read(*tables, sequence)? else { continue };
            let after = Row { settled_at: Some(now.as_micros()), ..before.clone() };
            row::update(tables, sequence, &before, &after)?;
        }
    }
    Ok(())
}
