//! Counts and ages of the outbox, by indexes that hold little else.

use std::ops::ControlFlow;

use seaworthy_core::ports::{Tally, Timestamp};

use super::{lane::sequence_in, row};
use crate::{
    key::{Key, Parts, Range},
    tables::{OUTBOX_DEAD, OUTBOX_DUE, OUTBOX_MOMENTS, OUTBOX_OPEN},
    view::{Result, View, malformed},
};

/// Returns the numbers of rows that are open and of those that are dead.
pub(crate) fn counts(view: View<'_>) -> Result<(u64, u64)> {
    Ok((view.len(OUTBOX_DUE)?, view.len(OUTBOX_DEAD)?))
}

/// Counts open and dead rows, each by the oldest. Of open ones it is the first that waits for no moment of its own, or one whose
/// moment has come.
pub(crate) fn census(view: View<'_>, now: Timestamp) -> Result<(Tally, Tally)> {
    let (open, dead) = counts(view)?;
    let mut oldest = None;
    if let Some(first) = view.first(OUTBOX_OPEN, &Key::of_kind(0).prefixed())? {
        oldest = row::read(view, sequence_in(OUTBOX_OPEN, &first)?)?.map(|row| row.time);
    }
    // A message is late from its moment, or from its own time where that is later. Once moments are later than what was found,
    // so is all the rest.
    let come = Range::ALL.until(std::ops::Bound::Included(Key::of_moment(now.as_micros()).count(u64::MAX)));
    view.each(OUTBOX_MOMENTS, &come, |key, _| {
        let moment = Parts::new(key).moment().ok_or_else(|| malformed(OUTBOX_MOMENTS, key))?;
        if oldest.is_some_and(|oldest| oldest <= moment) {
            return Ok(ControlFlow::Break(()));
        }
        if let Some(row) = row::read(view, sequence_in(OUTBOX_MOMENTS, key)?)? {
            let late_from = moment.max(row.time);
            oldest = Some(oldest.map_or(late_from, |oldest| oldest.min(late_from)));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let first_death = view.first(OUTBOX_DEAD, &Range::ALL)?;
    let died = first_death.map(|key| Parts::new(&key).moment().ok_or_else(|| malformed(OUTBOX_DEAD, &key)));
    let tally = |count, oldest: Option<i64>| Tally { count, oldest: oldest.map(Timestamp::from_micros) };
    Ok((tally(open, oldest), tally(dead, died.transpose()?)))
}
