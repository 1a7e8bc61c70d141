use smol_str::SmolStr;

use super::{Ending, Interest, Invariant, Judge, Lookup, Mode};
use crate::trace::{Effect, Event, What};

/// `lock-stranded`: by the end of the run every lock was released. Locks are the documents of the collections that the
/// topology declares as such ([`Topology::lock`](crate::scenario::Topology::lock)), each held for as long as it is there.
///
/// A lock that outlives its holder has no lease, or nobody who looks after leases that have ended.
///
/// State: one entry for each lock that is held.
#[derive(Debug)]
pub struct LockStranded {
    collections: Vec<SmolStr>,
    held: Lookup<(SmolStr, SmolStr), Held>,
}

#[derive(Debug)]
struct Held {
    taken: u64,
    last: u64,
}

impl LockStranded {
    /// The invariant for these collections at the start of a run.
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
        Interest::DOCUMENT
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        let What::Commit { outcome, effects, .. } = &event.what else { return };
        if !outcome.took_effect() {
            return;
        }
        for effect in effects.iter() {
            let Effect::Document { collection, id, body, .. } = effect else { continue };
            if !self.collections.contains(collection) {
                continue;
            }
            let lock = (collection.clone(), id.clone());
            if body.is_none() {
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
        for ((collection, id), held) in self.held.sorted() {
            judge.judged();
            let mut events = vec![held.taken, held.last];
            events.dedup();
            judge.violate(
                id.to_string(),
                format!("lock `{id}` of `{collection}` was taken, and nobody has released it"),
                events,
            );
        }
    }
}
