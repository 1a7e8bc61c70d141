//! Acquisition: finds the sagas that are due, and takes them over.

use std::{ops::ControlFlow, time::Duration};

use seaworthy_core::{
    ids::SagaId,
    ports::{AcquireRequest, SagaInstance, Timestamp},
};

use super::{
    number_in,
    record::{Saga, after, find, read, update},
};
use crate::{
    key::{Key, Parts, Range},
    tables::{SAGAS, SAGAS_DUE},
    view::{Result, Tables, malformed, place},
};

pub(crate) fn acquire(tables: Tables<'_>, request: &AcquireRequest, now: Timestamp) -> Result<Vec<SagaInstance>> {
    let mut found: Vec<(i64, u64, Saga)> = Vec::new();
    if let Some(only) = request.only {
        let is_free = |saga: &Saga| {
            !saga.status.is_terminal()
                && saga.lease_until <= now.as_micros()
                && request.definitions.contains(&saga.definition.name)
        };
        let saga = find(*tables, only)?.filter(|(_, saga)| is_free(saga));
        found.extend(saga.map(|(number, saga)| (saga.due_at(), number, saga)));
    } else {
        for (at, definition) in request.definitions.iter().enumerate() {
            if !request.definitions[..at].contains(definition) {
                due(tables, definition, request.limit, now, &mut found)?;
            }
        }
        found.sort_unstable_by_key(|(due, number, _)| (*due, *number));
    }
    found.truncate(request.limit);
    let take_over = |(_, number, before): (i64, u64, Saga)| {
        let taken = Saga { epoch: before.epoch + 1, lease_until: after(now, request.lease), ..before.clone() };
        update(tables, number, &before, &taken)?;
        Ok(taken.instance())
    };
    found.into_iter().map(take_over).collect()
}

/// Finds up to `limit` sagas of a definition that are due, those that have waited longest first.
fn due(
    tables: Tables<'_>,
    definition: &str,
    limit: usize,
    now: Timestamp,
    found: &mut Vec<(i64, u64, Saga)>,
) -> Result<()> {
    let of = Key::of_text(definition);
    let due = of.prefixed_until(&of.clone().moment(now.as_micros()));
    let (most, mut unreadable) = (found.len().saturating_add(limit), Vec::new());
    if limit == 0 {
        return Ok(());
    }
    tables.each(SAGAS_DUE, &due, |entry, _| {
        let number = number_in(SAGAS_DUE, entry)?;
        match tables.try_document::<Saga>(SAGAS, &Key::of_count(number))? {
            Some(Ok(saga)) => found.push((saga.due_at(), number, saga)),
            other => {
                let why = other.and_then(std::result::Result::err).unwrap_or_else(|| "it is not there".to_owned());
                unreadable.push((entry.to_vec(), number, why));
            }
        }
        Ok(if found.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    unreadable.into_iter().try_for_each(|(entry, number, why)| set_aside(tables, &of, &entry, number, &why, now))
}

/// Time for which a saga that can't be read stands in nobody's way.
const SET_ASIDE_FOR: Duration = Duration::from_secs(60);

/// Puts the entry of a saga that can't be read aside for a while, so that others are acquired, and says which it is.
fn set_aside(tables: Tables<'_>, of: &Key, entry: &[u8], number: u64, why: &str, now: Timestamp) -> Result<()> {
    let key = Key::of_count(number);
    tracing::warn!(entry = %place(SAGAS, key.bytes()), %why, "a saga can't be read: others go on");
    tables.remove(SAGAS_DUE, entry)?;
    tables.put(SAGAS_DUE, of.clone().moment(after(now, SET_ASIDE_FOR)).count(number).bytes(), &[])
}

pub(crate) fn renew(tables: Tables<'_>, id: SagaId, epoch: u64, lease: Duration, now: Timestamp) -> Result<bool> {
    let Some((number, before)) = find(*tables, id)?.filter(|(_, saga)| saga.epoch == epoch) else { return Ok(false) };
    update(tables, number, &before, &Saga { lease_until: after(now, lease), ..before.clone() })?;
    Ok(true)
}

/// Makes sagas due that the store itself has put off to a moment after `now`, and has those that ended after it count as ended
/// now. Returns how many were put off.
pub(crate) fn believe(tables: Tables<'_>, now: Timestamp) -> Result<u64> {
    let mut put_off = 0;
    for key in tables.keys(SAGAS_DUE, &Range::ALL, usize::MAX)? {
        let mut parts = Parts::new(&key);
        let due = parts.text().and_then(|_| parts.moment()).ok_or_else(|| malformed(SAGAS_DUE, &key))?;
        let number = number_in(SAGAS_DUE, &key)?;
        let Some(before) = read(*tables, number)?.filter(|saga| saga.wake_at < Timestamp::MAX.as_micros()) else {
            continue;
        };
        if due > now.as_micros() {
            let (lease_until, wake_at) = (before.lease_until.min(now.as_micros()), before.wake_at.min(now.as_micros()));
            update(tables, number, &before, &Saga { lease_until, wake_at, ..before.clone() })?;
            put_off += 1;
        }
    }
    for table in [crate::tables::SAGAS_ENDED, crate::tables::SAGAS_FORGOTTEN] {
        let later = Range::ALL.from(std::ops::Bound::Included(Key::of_moment(now.as_micros().saturating_add(1))));
        for key in tables.keys(table, &later, usize::MAX)? {
            let number = number_in(table, &key)?;
            let Some(before) = read(*tables, number)? else { continue };
            update(tables, number, &before, &Saga { ended_at: Some(now.as_micros()), ..before.clone() })?;
        }
    }
    Ok(put_off)
}
