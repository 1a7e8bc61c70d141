//! Dead rows: an operator's work.

use std::{
    collections::BTreeSet,
    ops::{Bound, ControlFlow},
};

use seaworthy_core::{
    ids::MessageId,
    ports::{DeadPlace, DeadRow, DeadRowRequest, OutboxRow, RowId, Timestamp},
};

use super::{
    lane::{self, sequence_in},
    row::{self, AT_ONCE, Lane, Row, RowState},
};
use crate::{
    key::{Key, Range},
    tables::OUTBOX_DEAD,
    view::{Result, Tables, View},
};

/// A dead row, if it is one, with what became of it.
fn describe(view: View<'_>, sequence: u64) -> Result<Option<(Row, DeadRow)>> {
    let Some(row) = row::read(view, sequence)?.filter(|row| row.state == RowState::Dead) else { return Ok(None) };
    let message = row::message_or_stand_in(view, sequence, &row)?;
    let shown = OutboxRow { row: RowId(sequence), message, attempts: row.attempts };
    let (reason, died_at) = (row.error.clone().unwrap_or_default(), row.settled_at.unwrap_or(i64::MIN));
    Ok(Some((row, DeadRow { row: shown, reason, died_at: Timestamp::from_micros(died_at) })))
}

/// The dead rows that a request asks for, with their numbers, those that died first.
fn choose(view: View<'_>, request: &DeadRowRequest) -> Result<Vec<(u64, Row, DeadRow)>> {
    let mut found = Vec::new();
    if request.limit == 0 {
        return Ok(found);
    }
    if let Some(only) = &request.only {
        for message in only.iter().copied().collect::<BTreeSet<MessageId>>() {
            let Some(sequence) = row::sequence_of(view, message)? else { continue };
            let described = describe(view, sequence)?.filter(|(_, dead)| request.asks_for(dead));
            found.extend(described.map(|(row, dead)| (sequence, row, dead)));
        }
        found.sort_unstable_by_key(|(_, _, dead)| dead.place());
        found.truncate(request.limit);
        return Ok(found);
    }
    view.each(OUTBOX_DEAD, &places(request), |key, _| {
        let sequence = sequence_in(OUTBOX_DEAD, key)?;
        let described = describe(view, sequence)?.filter(|(_, dead)| request.asks_for(dead));
        found.extend(described.map(|(row, dead)| (sequence, row, dead)));
        Ok(if found.len() < request.limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(found)
}

/// The places among which a request looks: a range of the index, whatever lies before and after it.
fn places(request: &DeadRowRequest) -> Range {
    let mut range = Range::ALL;
    if let Some(from) = request.died_from {
        range = range.from(Bound::Included(Key::of_moment(from.as_micros())));
    }
    if let Some(DeadPlace { died_at, sequence }) =
        request.after.filter(|after| request.died_from.is_none_or(|from| from <= after.died_at))
    {
        range = range.from(Bound::Excluded(Key::of_moment(died_at.as_micros()).count(sequence)));
    }
    if let Some(until) = request.died_until {
        range = range.until(Bound::Included(Key::of_moment(until.as_micros()).count(u64::MAX)));
    }
    range
}

/// Dead rows that a request asks for, oldest first. One whose message can't be read is shown as far as it is known.
pub(crate) fn dead_rows(view: View<'_>, request: &DeadRowRequest) -> Result<Vec<DeadRow>> {
    Ok(choose(view, request)?.into_iter().map(|(.., dead)| dead).collect())
}

pub(crate) fn redrive(tables: Tables<'_>, request: &DeadRowRequest) -> Result<Vec<MessageId>> {
    let mut redriven = Vec::new();
    for (sequence, before, dead) in choose(*tables, request)? {
        reopen(tables, sequence, &before, before.error.clone())?;
        redriven.push(dead.row.message.id);
    }
    Ok(redriven)
}

/// Makes a settled row pending, at the place that it always had.
pub(super) fn reopen(tables: Tables<'_>, sequence: u64, before: &Row, error: Option<smol_str::SmolStr>) -> Result<()> {
    let led = lane::first_open(*tables, &before.key)?;
    let after = Row {
        state: RowState::Pending,
        lane: Lane::Behind,
        due: AT_ONCE,
        attempts: 0,
        settled_at: None,
        error,
        ..before.clone()
    };
    row::update(tables, sequence, before, &after)?;
    lane::reopened(tables, &before.key, sequence, led)
}

pub(crate) fn purge_dead(tables: Tables<'_>, request: &DeadRowRequest) -> Result<Vec<MessageId>> {
    let mut purged = Vec::new();
    for (sequence, row, dead) in choose(*tables, request)? {
        row::delete(tables, sequence, &row)?;
        // The next one of its key may have been behind this one alone.
        lane::move_up(tables, &row.key)?;
        purged.push(dead.row.message.id);
    }
    Ok(purged)
}
