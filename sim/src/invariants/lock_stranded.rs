use smol_str::SmolStr;

use super::{Ending, Entity, Interest, Invariant, Judge, Lookup, Mode};
use crate::{
    topology::{Tables, Topology},
    trace::{Effect, Event, ProcessIndex, What},
};

/// `lock-stranded`: by the end of the run every lock was released. Locks are the documents of the collections that the
/// topology declares as such ([`Topology::lock`](crate::scenario::Topology::lock)), each held for as long as it is there,
/// and what a declared table of locks says ([`Topology::lock_table`](crate::scenario::Topology::lock_table)).
///
/// A lock that outlives its holder has no lease, or nobody who looks after leases that have ended. One that is kept
/// [for life](crate::scenario::LockTable::for_life) is stranded only with a holder that died.
///
/// State: one entry for each lock that is held.
#[derive(Debug)]
pub struct LockStranded {
    collections: Vec<SmolStr>,
    tables: Tables,
    /// Names of the processes, by index.
    processes: Vec<SmolStr>,
    /// By store, collection or table, and name.
    held: Lookup<(SmolStr, SmolStr, SmolStr), Held>,
}

#[derive(Debug)]
struct Held {
    taken: u64,
    last: u64,
    /// Process that wrote it last.
    holder: ProcessIndex,
    /// The event by which that died.
    died: Option<u64>,
}

impl LockStranded {
    /// The invariant for these collections, and for whatever tables are declared, at the start of a run.
    pub fn new(collections: &[SmolStr]) -> Self {
        let collections = collections.to_vec();
        Self { collections, tables: Tables::default(), processes: Vec::new(), held: Lookup::default() }
    }

    /// The invariant for the locks that a topology declares, which says by name who holds them.
    pub fn from_topology(topology: &Topology) -> Self {
        let processes = topology.processes.iter().map(|process| process.name.clone()).collect();
        Self { tables: topology.tables.clone(), processes, ..Self::new(&topology.locks) }
    }

    fn bury(&mut self, process: ProcessIndex, event: u64) {
        let mut died = Vec::new();
        for (lock, held) in self.held.sorted() {
            if held.holder == process && held.died.is_none() {
                died.push(lock.clone());
            }
        }
        for held in died {
            if let Some(held) = self.held.get_mut(&held) {
                held.died = Some(event);
            }
        }
    }
}

impl Invariant for LockStranded {
    fn name(&self) -> &'static str {
        "lock-stranded"
    }

    fn mode(&self) -> Mode {
        Mode::Eventually
    }

    /// A lease gives a lock back: where each lock has one, none can be stranded, as a rule.
    fn subject(&self) -> Option<&'static str> {
        let each_has_lease = self.collections.is_empty() && self.tables.locks.iter().all(|locks| locks.lease.is_some());
        each_has_lease.then_some("a lock that was taken without a lease")
    }

    fn interest(&self) -> Interest {
        Interest::DOCUMENT | Interest::OWN_TABLE | Interest::PROCESS | Interest::RESTORED
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        if event.what == What::Crash {
            self.bury(event.process, event.number);
        }
        if let What::Restored { store, .. } = &event.what {
            // Locks are as they were then, and their holders are gone.
            let of_store = self.held.sorted().into_iter().filter(|((of, ..), _)| of == store);
            let locks: Vec<_> = of_store.map(|(lock, _)| lock.clone()).collect();
            locks.iter().for_each(|lock| _ = self.held.remove(lock));
        }
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
                let number = event.number;
                let new = || Held { taken: number, last: number, holder: event.process, died: None };
                let held = self.held.get_or_insert_with(lock, new);
                (held.last, held.holder, held.died) = (number, event.process, None);
            }
        }
    }

    fn conclude(&mut self, _: Ending, judge: &mut Judge<'_>) {
        for ((store, place, name), held) in self.held.sorted() {
            judge.judged();
            if held.died.is_none() && self.tables.is_for_life(store, place) {
                continue;
            }
            let mut events: Vec<u64> = [held.taken, held.last].into_iter().chain(held.died).collect();
            events.dedup();
            let holder = self.processes.get(usize::from(held.holder.0));
            let holder = holder.map(|holder| format!(" by {holder}")).unwrap_or_default();
            let died = if held.died.is_some() { ", which has died since" } else { "" };
            judge.violate(
                Entity::named(place.clone(), name.clone()),
                format!("lock `{name}` of `{place}` was taken{holder}{died}, and nobody has released it"),
                events,
            );
        }
    }
}
