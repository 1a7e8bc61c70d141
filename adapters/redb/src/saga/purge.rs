//! Upkeep of sagas that have ended: first their logs go, then they.

use seaworthy_core::ports::Timestamp;

use super::{
    number_in,
    record::{Saga, update},
};
use crate::{
    indexed,
    key::{Key, Parts},
    tables::{SAGA_KEYS, SAGA_KEYS_OF, SAGA_LOG, SAGAS_ENDED, SAGAS_FORGOTTEN, Table},
    view::{Result, Tables, malformed},
};

/// Sagas of an index by age that ended at a time or before it, those that ended first.
fn ended(tables: Tables<'_>, table: Table, before: Timestamp, limit: usize) -> Result<Vec<(u64, Saga)>> {
    let old = Key::default().prefixed_until(&Key::of_moment(before.as_micros()));
    let mut found = Vec::new();
    for key in tables.keys(table, &old, limit)? {
        let number = number_in(table, &key)?;
        let saga = indexed::read_by::<Saga>(tables, table, &key, &Key::of_count(number))?;
        found.extend(saga.map(|saga| (number, saga)));
    }
    Ok(found)
}

pub(crate) fn purge_logs(tables: Tables<'_>, before: Timestamp, limit: usize) -> Result<u64> {
    let ended = ended(tables, SAGAS_ENDED, before, limit)?;
    for (number, saga) in &ended {
        tables.remove_range(SAGA_LOG, &Key::of_count(*number).prefixed())?;
        update(tables, *number, saga, &Saga { log_purged: true, ..saga.clone() })?;
    }
    Ok(ended.len() as u64)
}

/// Deletes sagas whose logs were purged, with the keys by which messages found them.
pub(crate) fn purge_sagas(tables: Tables<'_>, before: Timestamp, limit: usize) -> Result<u64> {
    let ended = ended(tables, SAGAS_FORGOTTEN, before, limit)?;
    for (number, saga) in &ended {
        let of = Key::of_count(*number);
        // An append after the end may have left some.
        tables.remove_range(SAGA_LOG, &of.prefixed())?;
        for key in tables.keys(SAGA_KEYS_OF, &of.prefixed(), usize::MAX)? {
            let mut parts = Parts::new(&key[of.bytes().len()..]);
            let read = parts.text().and_then(|name| Some((name, parts.text()?)));
            let (name, value) = read.ok_or_else(|| malformed(SAGA_KEYS_OF, &key))?;
            let forth = Key::of_text(&saga.definition.name).text(&name).text(&value).count(*number);
            tables.remove(SAGA_KEYS, forth.bytes())?;
            tables.remove(SAGA_KEYS_OF, &key)?;
        }
        indexed::replace(tables, &of, Some(saga), None)?;
    }
    Ok(ended.len() as u64)
}
