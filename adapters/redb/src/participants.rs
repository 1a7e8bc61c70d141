//! Operations of a participant: answers of those that were executed, tombstones of those that were compensated.

use std::ops::Bound;

use seaworthy_core::{
    ids::OperationId,
    ports::{OperationRecord, OperationState, StoreError, Timestamp},
};
use serde::{Deserialize, Serialize};
use smol_str::format_smolstr;

use crate::{
    indexed::{self, Index, Indexed},
    key::{Key, Parts, Range},
    tables::{OPERATIONS, OPERATIONS_BY_AGE, Table},
    view::{Result, Tables, View, malformed},
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Operation {
    state: OperationState,
    /// Time at which it was written last.
    at: i64,
}

impl Indexed for Operation {
    const TABLE: Table = OPERATIONS;

    fn index(&self, key: &[u8], index: &mut Index) {
        index.entry(OPERATIONS_BY_AGE, Key::of_moment(self.at).rest(key));
    }
}

pub(crate) fn read(view: View<'_>, id: OperationId) -> Result<Option<OperationState>> {
    let found: Option<Operation> = indexed::read(view, &Key::of_id(id.0))?;
    Ok(found.map(|operation| operation.state))
}

pub(crate) fn write(tables: Tables<'_>, record: &OperationRecord, now: Timestamp) -> Result<()> {
    let key = Key::of_id(record.id.0);
    let before: Option<Operation> = indexed::read(*tables, &key)?;
    match (before.as_ref().map(|operation| &operation.state), &record.state) {
        (None, _) | (Some(OperationState::Executed(_)), OperationState::Compensated) => {}
        // Saying the same again changes nothing.
        (Some(found), state) if found == state => return Ok(()),
        (found, _) => {
            return Err(StoreError::Refused(format_smolstr!(
                "operation {} is {found:?}: only an executed one may become compensated; read it before writing it",
                record.id
            )));
        }
    }
    let after = Operation { state: record.state.clone(), at: now.as_micros() };
    indexed::replace(tables, &key, before.as_ref(), Some(&after))
}

/// Forgets operations that were written at a time or before it, those of long ago first. Returns how many.
pub(crate) fn purge(tables: Tables<'_>, before: Timestamp, limit: usize) -> Result<u64> {
    let old = Key::default().prefixed_until(&Key::of_moment(before.as_micros()));
    let found = tables.keys(OPERATIONS_BY_AGE, &old, limit)?;
    for entry in &found {
        let key = operation_in(entry)?;
        let gone: Option<Operation> = indexed::read_by(tables, OPERATIONS_BY_AGE, entry, &key)?;
        if gone.is_some() {
            indexed::replace(tables, &key, gone.as_ref(), None)?;
        }
    }
    Ok(found.len() as u64)
}

fn operation_in(entry: &[u8]) -> Result<Key> {
    let mut parts = Parts::new(entry);
    parts.moment().ok_or_else(|| malformed(OPERATIONS_BY_AGE, entry))?;
    Ok(Key::default().rest(parts.rest()))
}

/// Has operations that were written at a time that is still to come count as written now.
pub(crate) fn believe(tables: Tables<'_>, now: Timestamp) -> Result<()> {
    let later = Range::ALL.from(Bound::Included(Key::of_moment(now.as_micros().saturating_add(1))));
    for entry in tables.keys(OPERATIONS_BY_AGE, &later, usize::MAX)? {
        let key = operation_in(&entry)?;
        let Some(before) = indexed::read::<Operation>(*tables, &key)? else { continue };
        let after = Operation { at: now.as_micros(), ..before.clone() };
        indexed::replace(tables, &key, Some(&before), Some(&after))?;
    }
    Ok(())
}
