//! Lists of sagas and their numbers, for operators.

use std::{
    collections::BTreeMap,
    ops::{Bound, ControlFlow},
};

use seaworthy_core::ports::{ListedSaga, SagaListRequest, SagaStatus, Tally, Timestamp};

use super::{
    number_in,
    record::{Saga, count_of, status_number, waiting},
};
use crate::{
    key::{Key, Parts},
    tables::{SAGAS, SAGAS_BY_STATUS, SAGAS_SINCE, Table},
    view::{Result, View, malformed, place},
};

/// Returns sagas page by page, in the order in which they were created, by an index of the statuses that are asked for.
pub(crate) fn list(view: View<'_>, request: &SagaListRequest, now: Timestamp) -> Result<Vec<ListedSaga>> {
    let mut found = Vec::new();
    let statuses = match &*request.statuses {
        // No other sleeps.
        [] if request.asleep => &[SagaStatus::Running, SagaStatus::Compensating],
        asked => asked,
    };
    if statuses.is_empty() {
        read(view, SAGAS, &Key::default(), request, now, &mut found)?;
    }
    for (at, status) in statuses.iter().enumerate() {
        if !statuses[..at].contains(status) {
            read(view, SAGAS_BY_STATUS, &Key::of_kind(status_number(*status)), request, now, &mut found)?;
        }
    }
    found.sort_unstable_by_key(|listed| listed.number);
    found.truncate(request.limit);
    Ok(found)
}

fn read(
    view: View<'_>,
    table: Table,
    of: &Key,
    request: &SagaListRequest,
    now: Timestamp,
    found: &mut Vec<ListedSaga>,
) -> Result<()> {
    let mut behind = of.prefixed().from(Bound::Excluded(of.clone().count(request.after)));
    let mut left = request.limit;
    // A page at a time, since the documents may be in the table that is walked.
    while left > 0 {
        let page = view.keys(table, &behind, 64.max(left.min(1_024)))?;
        let Some(last) = page.last() else { return Ok(()) };
        behind = behind.from(Bound::Excluded(Key::default().rest(last)));
        for key in page {
            let number = number_in(table, &key)?;
            let key = Key::of_count(number);
            match view.try_document::<Saga>(SAGAS, &key)? {
                Some(Ok(saga)) => {
                    let listed = saga.listed(number);
                    if left > 0 && request.asks_for(&listed, now) {
                        found.push(listed);
                        left -= 1;
                    }
                }
                // One that can't be read hides no other from an operator.
                Some(Err(why)) => {
                    tracing::warn!(entry = %place(SAGAS, key.bytes()), %why, "a saga can't be read");
                }
                None => {}
            }
        }
    }
    Ok(())
}

/// Sagas that move by themselves, those that wait for a signal, and those that are stuck.
pub(crate) fn counts(view: View<'_>) -> Result<(u64, u64, u64)> {
    let count = |status| view.counter(&count_of(status));
    let under_way = count(SagaStatus::Running)? + count(SagaStatus::Compensating)?;
    let waiting = view.counter(&waiting())?;
    Ok((under_way.saturating_sub(waiting), waiting, count(SagaStatus::Stuck)?))
}

/// Counts sagas by status, and says since when the oldest of those that have not ended has had it.
pub(crate) fn census(view: View<'_>) -> Result<BTreeMap<SagaStatus, Tally>> {
    let mut tallies = BTreeMap::new();
    for status in SagaStatus::ALL {
        let count = view.counter(&count_of(status))?;
        if count == 0 {
            continue;
        }
        let mut oldest = None;
        view.each(SAGAS_SINCE, &Key::of_kind(status_number(status)).prefixed(), |key, _| {
            let mut parts = Parts::new(key);
            let since = parts.kind().and_then(|_| parts.moment()).ok_or_else(|| malformed(SAGAS_SINCE, key))?;
            oldest = Some(Timestamp::from_micros(since));
            Ok(ControlFlow::Break(()))
        })?;
        tallies.insert(status, Tally { count, oldest });
    }
    Ok(tallies)
}
