//! Counts and ages for operators: each is a number that is kept, or the first step of an index.

use seaworthy_core::ports::{Backlog, Census, RowCounts, StoreTable, Timestamp};

use crate::{
    inbox, outbox, saga,
    tables::{INBOX, LETTERS, OPERATIONS, OUTBOX, SAGAS, WATERMARKS},
    view::{Result, View},
};

pub(crate) fn backlog(view: View<'_>) -> Result<Backlog> {
    let (outbox_unsettled, outbox_dead) = outbox::counts(view)?;
    let (sagas_active, sagas_waiting, sagas_stuck) = saga::counts(view)?;
    let inbox_dead = view.len(LETTERS)?;
    Ok(Backlog { outbox_unsettled, outbox_dead, sagas_active, sagas_waiting, sagas_stuck, inbox_dead })
}

pub(crate) fn take(view: View<'_>, now: Timestamp) -> Result<Census> {
    let mut census = Census::new(now);
    (census.outbox_pending, census.outbox_dead) = outbox::census(view, now)?;
    census.dead_letters = inbox::census(view)?;
    census.sagas = saga::census(view)?;
    Ok(census)
}

/// The rows of each table, however many there are.
pub(crate) fn row_counts(view: View<'_>) -> Result<RowCounts> {
    let tables = [
        (StoreTable::Outbox, OUTBOX),
        (StoreTable::Inbox, INBOX),
        (StoreTable::DeadLetters, LETTERS),
        (StoreTable::Watermarks, WATERMARKS),
        (StoreTable::Operations, OPERATIONS),
        (StoreTable::Sagas, SAGAS),
    ];
    let mut counts = RowCounts::new();
    for (kind, table) in tables {
        let count = view.len(table)?;
        if count > 0 {
            counts.insert(kind, count);
        }
    }
    Ok(counts)
}
