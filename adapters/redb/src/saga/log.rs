//! Transaction side of sagas: the saga when it starts, and the entries of its log.

use std::ops::{Bound, ControlFlow};

use seaworthy_core::{
    ids::SagaId,
    ports::{DefinitionRef, LogEntry, NewSaga, SagaAppend, SagaCreate, StoreError, Timestamp},
};
use smol_str::format_smolstr;

use super::record::{Entry, Saga, after, by_key, find, update};
use crate::{
    document::{self, Payload},
    indexed,
    key::{Key, Parts},
    tables::{SAGA_IDS, SAGA_KEYS, SAGA_KEYS_OF, SAGA_LOG},
    view::{Result, Tables, View, malformed, unreadable},
};

/// Counter of the numbers that sagas have had.
const LAST: &str = "sagas_created";

pub(crate) fn create(tables: Tables<'_>, saga: &NewSaga, now: Timestamp) -> Result<SagaCreate> {
    if let Some(there) = by_key(*tables, &saga.definition.name, &saga.key)? {
        return Ok(SagaCreate::Exists { saga: there.id, input: there.input });
    }
    if tables.has(SAGA_IDS, &Key::of_id(saga.id.0))? {
        // The key is free, so it is the id that is taken: a mistake that comes again however often it is tried.
        return Err(StoreError::Refused(format_smolstr!("a saga of id {} exists under another key", saga.id)));
    }
    let number = tables.next(LAST)?;
    indexed::replace(tables, &Key::of_count(number), None, Some(&Saga::new(saga, now)))?;
    Ok(SagaCreate::Created)
}

pub(crate) fn append(tables: Tables<'_>, append: &SagaAppend, now: Timestamp) -> Result<()> {
    let id = append.saga;
    let Some((number, before)) = find(*tables, id)? else {
        return Err(StoreError::Conflict(format_smolstr!("there is no saga {id}: create it first")));
    };
    if (before.epoch, before.log_length) != (append.epoch, append.expected_length) {
        return Err(StoreError::Conflict(format_smolstr!(
            "saga {id} is at epoch {} and log length {}, not {} and {}: read it again, or leave it to its owner",
            before.epoch,
            before.log_length,
            append.epoch,
            append.expected_length
        )));
    }
    if append.forgets {
        tables.remove_range(SAGA_LOG, &Key::of_count(number).prefixed())?;
    }
    for key in &append.keys {
        let forth = Key::of_text(&before.definition.name).text(&key.name).text(&key.key).count(number);
        tables.put(SAGA_KEYS, forth.bytes(), &[])?;
        tables.put(SAGA_KEYS_OF, Key::of_count(number).text(&key.name).text(&key.key).bytes(), &[])?;
    }
    for (sequence, record) in (append.expected_length + 1..).zip(&append.records) {
        let entry = Entry { epoch: append.epoch, at: now.as_micros(), record: Payload(record.clone()) };
        tables.put_document(SAGA_LOG, &Key::of_count(number).count(sequence), &entry)?;
    }
    let definition = match &append.definition {
        // The name is part of its key.
        Some(DefinitionRef { version, hash, .. }) => {
            DefinitionRef { version: *version, hash: *hash, ..before.definition.clone() }
        }
        None => before.definition.clone(),
    };
    let grown = Saga {
        definition,
        log_length: append.expected_length + append.records.len() as u64,
        status: append.status,
        since: if append.status == before.status { before.since } else { now.as_micros() },
        lease_until: after(now, append.lease),
        wake_at: after(now, append.sleep),
        // An append after the end is the caller's mistake; it does not end the saga a second time.
        ended_at: append.status.is_terminal().then(|| before.ended_at.unwrap_or(now.as_micros())),
        outcome: append.outcome.clone().map(Payload),
        ..before.clone()
    };
    update(tables, number, &before, &grown)
}

/// Returns up to `limit` entries of a saga's log, those after a number.
pub(crate) fn entries(view: View<'_>, id: SagaId, after: u64, limit: usize) -> Result<Vec<LogEntry>> {
    let mut found = Vec::new();
    let Some(number) = view.number(SAGA_IDS, &Key::of_id(id.0))? else { return Ok(found) };
    if limit == 0 {
        return Ok(found);
    }
    let of = Key::of_count(number);
    let later = of.prefixed().from(Bound::Excluded(of.clone().count(after)));
    view.each(SAGA_LOG, &later, |key, value| {
        let entry: Entry = document::decode(value).map_err(|why| unreadable(SAGA_LOG, key, &why))?;
        let sequence = Parts::new(&key[of.bytes().len()..]).count().ok_or_else(|| malformed(SAGA_LOG, key))?;
        found.push(entry.shown(sequence));
        Ok(if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(found)
}
