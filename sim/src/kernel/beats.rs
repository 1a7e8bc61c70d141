use seaworthy_core::{ids::MessageId, ports::RowId};
use seaworthy_memory::Lookup;
use smol_str::SmolStr;

use std::collections::{BTreeMap, BTreeSet};

use crate::trace::{Effect, Event, SettledAs, What};

/// So many different documents of one collection are no rewriting of the same ones.
const ANEW: usize = 3;

/// Of more than so many it is not to be believed that they only show that somebody is alive.
const NAMED: usize = 3;

/// Signs of life that the topology declares: collections, tables, types of messages and external services; and the
/// messages of such a type that are under way.
///
/// A message is known by its type where it is staged, published or delivered. What names it by its id alone, its handling
/// and its acknowledgement, lies between a delivery and its end.
#[derive(Debug, Default)]
pub(crate) struct Beats {
    names: Vec<SmolStr>,
    staged: Lookup<MessageId, ()>,
    claimed: Lookup<(SmolStr, RowId), MessageId>,
    /// Number of deliveries of each message that are under way, one to each group.
    delivered: Lookup<MessageId, u32>,
}

impl Beats {
    pub(crate) fn new(names: Vec<SmolStr>) -> Self {
        Self { names, ..Self::default() }
    }

    /// Returns `true` if nothing is declared.
    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Returns `true` if a collection, a table, a type of messages or an external service is declared.
    fn names(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// Returns `true` if an event is part of a beat, and nothing else.
    pub(crate) fn is_beat(&mut self, what: &What) -> bool {
        if self.names.is_empty() {
            return false;
        }
        match what {
            What::Publish { message, .. } => self.names(&message.kind),
            What::Deliver { message, .. } => {
                let is_beat = self.names(&message.kind);
                if is_beat {
                    *self.delivered.get_or_insert_with(message.id, || 0) += 1;
                }
                is_beat
            }
            What::Ack { message, .. } | What::Nack { message, .. } => self.ends(*message),
            What::Claim { store, rows, .. } => {
                for row in rows.iter().filter(|row| self.staged.contains(&row.message)) {
                    self.claimed.insert((store.clone(), row.row), row.message);
                }
                false
            }
            What::Settle { store, rows, .. } => {
                let mut all = true;
                for row in rows.iter() {
                    match self.claimed.remove(&(store.clone(), row.row)) {
                        Some(message) if row.settled == SettledAs::Dispatched => _ = self.staged.remove(&message),
                        Some(_) => {}
                        None => all = false,
                    }
                }
                all
            }
            What::External { service, .. } => self.names(service),
            _ => false,
        }
    }

    /// Returns `true` if an effect of a commit is part of a beat.
    pub(crate) fn has(&mut self, effect: &Effect) -> bool {
        match effect {
            Effect::Document { collection, .. } => self.names(collection),
            Effect::Row(row) => self.names(&row.table),
            Effect::Staged(message) => {
                let is_beat = self.names(&message.kind);
                if is_beat {
                    self.staged.insert(message.id, ());
                }
                is_beat
            }
            Effect::Handled { message, .. } | Effect::Failed { message, .. } => self.delivered.contains(message),
            Effect::Dispatched(message) => self.staged.remove(message).is_some(),
            _ => false,
        }
    }

    /// A delivery of a message has ended; says whether it was a beat.
    fn ends(&mut self, message: MessageId) -> bool {
        let Some(count) = self.delivered.get_mut(&message) else { return false };
        *count -= 1;
        if *count == 0 {
            self.delivered.remove(&message);
        }
        true
    }
}

/// Suggests how to declare what the last events of a run keep writing, sending and telling, if nothing else happened in
/// them.
pub(crate) fn how_to_declare(tail: &[Event]) -> Option<String> {
    let (mut documents, mut names) = (BTreeMap::<&str, BTreeSet<&str>>::new(), BTreeSet::new());
    for event in tail {
        match &event.what {
            What::Commit { outcome, effects, .. } if outcome.took_effect() => {
                for effect in effects.iter() {
                    match effect {
                        Effect::Document { collection, id, .. } => {
                            _ = documents.entry(collection).or_default().insert(id)
                        }
                        Effect::Row(row) => _ = names.insert(row.table.as_str()),
                        Effect::Staged(message) => _ = names.insert(message.kind.as_str()),
                        Effect::Handled { .. } | Effect::Dispatched(_) => {}
                        _ => return None,
                    }
                }
            }
            What::Publish { message, outcome, .. } if outcome.took_effect() => _ = names.insert(message.kind.as_str()),
            What::External { service, acted: true, .. } => _ = names.insert(service.as_str()),
            What::Request { .. } | What::Reply { .. } | What::Panic { .. } | What::Caught { .. } => return None,
            _ => {}
        }
    }
    names.extend(documents.into_iter().filter(|(_, ids)| ids.len() >= ANEW).map(|(collection, _)| collection));
    let calls: Vec<String> = names.iter().map(|name| format!("`.heartbeat({name:?})`")).collect();
    (1..=NAMED).contains(&calls.len()).then(|| {
        let (it, only) = if calls.len() == 1 { ("this", "only shows") } else { ("these", "only show") };
        format!("; if {it} {only} that somebody is alive, the topology says {}", calls.join(" and "))
    })
}
