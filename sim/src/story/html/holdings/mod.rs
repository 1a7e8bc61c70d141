//! The contents of stores and broker, event by event, from the effects of commits, claims, settlements and deliveries.

mod letters;
mod outbox;
mod sagas;

use std::collections::BTreeMap;

use bytes::Bytes;
use seaworthy_core::ports::{Cell, Operation, OperationState, RowChange};
use serde::Serialize;
use smol_str::SmolStr;

use self::{letters::Letters, outbox::Outbox, sagas::Sagas};
use crate::trace::{Effect, Event, What};

/// One thing that somebody holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Thing {
    /// The store; `None` for the broker.
    pub(super) store: Option<SmolStr>,
    /// Part of the store: `documents`, `outbox`, `table bookings`.
    pub(super) part: SmolStr,
    /// Name of the thing there, with whole ids.
    pub(super) key: String,
}

/// The state in which a thing is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Held {
    /// A word or two: `v3`, `claimed by orders-1`.
    pub(super) state: String,
    /// Everything else that there is to say of it.
    pub(super) text: String,
    /// `true` if nothing more is to happen to it.
    pub(super) is_settled: bool,
}

impl Held {
    fn new(state: impl Into<String>, text: impl Into<String>, is_settled: bool) -> Self {
        Self { state: state.into(), text: text.into(), is_settled }
    }
}

/// A thing that is held in another state from an event on, or no longer where that is `None`.
pub(super) type Change = (Thing, Option<Held>);

/// The contents so far.
#[derive(Debug, Default)]
pub(super) struct Holdings {
    outbox: Outbox,
    sagas: Sagas,
    letters: Letters,
    /// Rows under a business key, and how far a sum is off.
    counts: BTreeMap<(SmolStr, &'static str, SmolStr), i64>,
}

impl Holdings {
    /// Takes in an event of a process of this name, and hands over what changes. What is not `wanted` is followed without
    /// being told, which costs less.
    pub(super) fn see(&mut self, event: &Event, process: &str, wanted: &mut dyn FnMut(&Thing) -> bool) -> Vec<Change> {
        let mut changes = Changes { wanted, told: Vec::new() };
        match &event.what {
            What::Commit { store, effects, .. } => {
                for effect in effects.iter() {
                    self.effect(store, effect, &mut changes);
                }
            }
            What::Claim { store, rows, outcome, .. } if outcome.took_effect() => {
                rows.iter().for_each(|row| self.outbox.claim(store, row, process, &mut changes));
            }
            What::Settle { store, rows, outcome, .. } if outcome.took_effect() => {
                rows.iter().for_each(|row| self.outbox.settle(store, row, &mut changes));
            }
            What::StoreCall { store, operation, messages, outcome, .. } if outcome.took_effect() => {
                for message in messages.iter() {
                    match operation {
                        Operation::ReadEvents => {}
                        Operation::Redrive => self.outbox.become_of(store, message, "pending", false, &mut changes),
                        _ => self.outbox.purge(store, message, &mut changes),
                    }
                }
            }
            What::Acquire { store, sagas, outcome, .. } if outcome.took_effect() => {
                sagas.iter().for_each(|(saga, epoch)| self.sagas.acquire(store, *saga, *epoch, &mut changes));
            }
            What::Publish { message, outcome, .. } if outcome.took_effect() => {
                self.letters.accept(message, &mut changes)
            }
            What::Deliver { group, tag, message, .. } => {
                self.letters.hand_over(message, group, format!("with {process} as d{tag}"), &mut changes);
            }
            What::Ack { group, message, outcome, .. } if outcome.took_effect() => {
                self.letters.acknowledge(*message, group, &mut changes);
            }
            What::Nack { group, message, outcome, .. } if outcome.took_effect() => {
                self.letters.give_back(*message, group, &mut changes);
            }
            _ => {}
        }
        changes.told
    }

    fn effect(&mut self, store: &SmolStr, effect: &Effect, changes: &mut Changes<'_>) {
        match effect {
            Effect::Document { collection, id, version, body } => {
                changes.tell(
                    store,
                    "documents",
                    || format!("{collection}/{id}"),
                    || body.as_ref().map(|body| Held::new(format!("v{version}"), text(body), true)),
                );
            }
            Effect::Staged(message) => self.outbox.stage(store, message, changes),
            Effect::Dispatched(message) => self.outbox.become_of(store, *message, "dispatched", true, changes),
            Effect::GivenUp { message, .. } => self.outbox.become_of(store, *message, "given up", true, changes),
            Effect::Handled { consumer, message } => {
                let held = || Some(Held::new("handled", "", true));
                changes.tell(store, "inbox", || format!("{consumer} {message}"), held);
            }
            Effect::Failed { consumer, message, failures, error } => {
                let held = || Some(Held::new(format!("failed {failures} times"), &**error, false));
                changes.tell(store, "inbox", || format!("{consumer} {message}"), held);
            }
            Effect::Buried { consumer, message, reason } => {
                let held = || Some(Held::new("buried", &**reason, false));
                changes.tell(store, "inbox", || format!("{consumer} {message}"), held);
            }
            Effect::Exhumed { consumer, message } => {
                let held = || Some(Held::new("taken out again", "", false));
                changes.tell(store, "inbox", || format!("{consumer} {message}"), held);
            }
            Effect::SagaCreated { saga, definition, key } => self.sagas.create(store, *saga, definition, key, changes),
            Effect::SagaLogged { saga, epoch, length, records, status } => {
                self.sagas.log(store, *saga, (*epoch, length + records.len() as u64, *status), changes);
            }
            Effect::Operation { id, state } => {
                let state = match state {
                    OperationState::Executed(_) => "executed",
                    OperationState::Compensated => "undone",
                };
                changes.tell(store, "operations", || id.to_string(), || Some(Held::new(state, "", true)));
            }
            Effect::Checkpoint { consumer, position } => {
                let held = || Some(Held::new(position.to_string(), "", true));
                changes.tell(store, "checkpoints", || consumer.to_string(), held);
            }
            Effect::Row(row) => row_change(store, row, changes),
            Effect::Entry { table, key, rows } => {
                self.count(store, "counts", &format!("{table} of {key}"), *rows, changes)
            }
            Effect::Amount { sum, by } => self.count(store, "sums", sum, *by, changes),
            Effect::Lock { table, name, held } => {
                changes.tell(
                    store,
                    "locks",
                    || format!("{table} {name}"),
                    || held.then(|| Held::new("held", "", false)),
                );
            }
            Effect::Appended { stream, version, event, .. } => {
                let held = || Some(Held::new(format!("v{version}"), &*event.kind, true));
                changes.tell(store, "streams", || stream.to_string(), held);
            }
            Effect::Snapshot { stream, version } => {
                let held = || Some(Held::new(format!("as of v{version}"), "", true));
                changes.tell(store, "snapshots", || stream.to_string(), held);
            }
            Effect::Observed { .. } => {}
        }
    }

    fn count(&mut self, store: &SmolStr, part: &'static str, key: &str, more: i64, changes: &mut Changes<'_>) {
        let count = self.counts.entry((store.clone(), part, key.into())).or_default();
        *count += more;
        let count = *count;
        changes.tell(store, part, || key.to_owned(), || Some(Held::new(count.to_string(), "", true)));
    }
}

/// A row of a table of the service's own, by its first column.
fn row_change(store: &SmolStr, row: &RowChange, changes: &mut Changes<'_>) {
    let table = format!("table {}", row.table);
    let key = |cells: &[Cell]| cells.first().map(ToString::to_string).unwrap_or_default();
    let (before, after) = (row.before.as_deref().map(key), row.after.as_deref().map(key));
    if let Some(gone) = before.filter(|before| after.as_ref() != Some(before)) {
        changes.tell(store, &table, || gone, || None);
    }
    if let (Some(key), Some(cells)) = (after, &row.after) {
        let columns = row.columns.iter().zip(cells.iter()).skip(1).filter(|(_, cell)| **cell != Cell::Null);
        let columns = || columns.map(|(column, cell)| format!("{column}={cell}")).collect::<Vec<_>>().join(" ");
        changes.tell(store, &table, || key, || Some(Held::new("", columns(), true)));
    }
}

/// A payload as it is shown: its text, or its length where it is none.
fn text(bytes: &Bytes) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("{} bytes that are no text", bytes.len()),
    }
}

/// Collector of changes.
struct Changes<'a> {
    wanted: &'a mut dyn FnMut(&Thing) -> bool,
    told: Vec<Change>,
}

impl Changes<'_> {
    fn tell(&mut self, store: &SmolStr, part: &str, key: impl FnOnce() -> String, held: impl FnOnce() -> Option<Held>) {
        self.tell_of(Thing { store: Some(store.clone()), part: part.into(), key: key() }, held);
    }

    fn tell_of(&mut self, thing: Thing, held: impl FnOnce() -> Option<Held>) {
        if (self.wanted)(&thing) {
            self.told.push((thing, held()));
        }
    }
}

#[cfg(test)]
mod tests;
