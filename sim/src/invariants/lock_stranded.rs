use smol_str::SmolStr;

use super::{Ending, Entity, Interest, Invariant, Judge, Lookup, Mode};
use crate::trace::{Effect, Event, What};

/// `lock-stranded`: by the end of the run every lock was released. Locks are the documents of the collections that the
/// topology declares as such ([`Topology::lock`](crate::scenario::Topology::lock)), each held for as long as it is there,
/// and what a declared table of locks says ([`Topology::lock_table`](crate::scenario::Topology::lock_table)).
///
/// A lock that outlives its holder has no lease, or nobody who looks after leases that have ended.
///
/// State: one entry for each lock that is held.
#[derive(Debug)]
pub struct LockStranded {
    collections: Vec<SmolStr>,
    /// By store, collection or table, and name.
    held: Lookup<(SmolStr, SmolStr, SmolStr), Held>,
}

#[derive(Debug)]
struct Held {
    taken: u64,
    last: u64,
}

impl LockStranded {
    /// The invariant for these collections, and for whatever tables are declared, at the start of a run.
    pub fn new(collections: &[SmolStr]) -> Self {
        Self { collections: collections.to_vec(), held: Lookup::default() }
    }
}

impl Invariant for LockStranded {
    fn name(&self) -> &'static str {
        "lock-stranded"
    }

    fn mode(&self) -> Mode {
        Mode::Eventually
    }

    fn interest(&self) -> Interest {
        Interest::DOCUMENT | Interest::OWN_TABLE
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        let What::Commit { store, outcome, effects, .. } = &event.what else { return };
        if !outcome.took_effect() {
            return;
        }
        for effect in effects.iter() {
            let (place, name, is_held) = match effect {
                Effect::Document { collection, id, body, .. } if self.collections.contains(collection) => {
                    (collection, id, body.is_some())
                }
                Effect::Lock { table, name, held } => (table, name, *held),
                _ => continue,
            };
            let lock = (store.clone(), place.clone(), name.clone());
            if !is_held {
                if self.held.remove(&lock).is_some() {
                    judge.judged();
                }
            } else {
                let held = self.held.get_or_insert_with(lock, || Held { taken: event.number, last: event.number });
                held.last = event.number;
            }
        }
    }

    fn conclude(&mut self, _: Ending, judge: &mut Judge<'_>) {
        for ((_, place, name), held) in self.held.sorted() {
            judge.judged();
            let mut events = vec![held.taken, held.last];
            events.dedup();
            judge.violate(
                Entity::named(place.clone(), name.clone()),
                format!("lock `{name}` of `{place}` was taken, and nobody has released it"),
                events,
            );
        }
    }
}
