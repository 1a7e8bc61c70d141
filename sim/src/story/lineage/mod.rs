//! Lineage of events: the trace as a graph of causes and effects.
//!
//! | module | what it is |
//! |---|---|
//! | `builder` | which event led to which, by what both are about |
//! | `thread` | what an event is about by what it says itself |
//! | `strikes` | which call a fault struck, and who died of it |
//! | `open_work` | what an incarnation had begun and not ended |
//! | `reads` | what a transaction had read before another one changed it |
//! | `likeness`, `repetitions` | which events say the same thing again and again |
//! | `graph` | how far one event is from another |

mod builder;
mod graph;
mod likeness;
mod open_work;
mod reads;
mod repetitions;
mod strikes;
mod thread;

use std::collections::{BTreeMap, BTreeSet};

use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

use self::{
    builder::Builder,
    graph::Graph,
    likeness::likeness,
    strikes::Strikes,
    thread::{Kind, threads_of, threads_of_entity},
};
pub(super) use self::{
    graph::FAR,
    repetitions::{Repetition, Repetitions},
    strikes::outcome_of,
    thread::Thread,
};
use crate::{
    invariants::Entity,
    plan::Fault,
    trace::{Event, Outcome, TxId, What},
};

/// Graph of the causes and effects in a trace. Events are named by their position in it.
#[derive(Debug)]
pub(super) struct Lineage {
    graph: Graph,
    /// Events of the violation's entity, and how far each is from it.
    of_entity: Vec<(u32, u32)>,
    /// Faults, and what they struck.
    strikes: Vec<u32>,
    /// Calls that never returned, of tasks that may have stood in their own way.
    in_vain: Vec<u32>,
    telling: Vec<bool>,
    repetitions: Repetitions,
    /// The commit of the transaction of each statement that went well, by position.
    commits: BTreeMap<u32, u32>,
    /// Ends of transactions that served no request and no message, and came to nothing, by position.
    idle: BTreeSet<u32>,
}

impl Lineage {
    /// Reads a trace for a violation about `entity`, which the events at the positions `shown` show.
    pub(super) fn new(
        trace: &[Event],
        faults: &[Fault],
        processes: &[SmolStr],
        entity: &Entity,
        shown: &[u32],
    ) -> Self {
        let mut builder = Builder::new(trace);
        let entity = threads_of_entity(entity);
        let mut strikes = Strikes::new(faults, processes);
        let (mut of_entity, mut struck, mut in_vain) = (Vec::new(), Vec::new(), Vec::new());
        let (mut telling, mut alike) = (Vec::with_capacity(trace.len()), Vec::new());
        let (mut commits, mut open) = (BTreeMap::new(), BTreeMap::<TxId, Vec<u32>>::new());
        let mut idle = BTreeSet::new();
        let in_the_way = in_the_way(trace);
        for (position, event) in (0_u32..).zip(trace) {
            let is_struck = strikes.see(position, event, &mut |link| builder.links.push(link));
            if is_struck || matches!(event.what, What::Fault { .. }) {
                struck.push(position);
            }
            if matches!(event.what, What::NeverReturned { behind: Some(_), .. }) {
                in_vain.push(position);
            }
            let is_in_the_way =
                matches!(event.what, What::Begin { tx, outcome: Outcome::Done } if in_the_way.contains(&tx));
            builder.reads.see(position, &event.what);
            let is_telling = is_struck || is_in_the_way || is_telling(&event.what) || shown.contains(&position);
            telling.push(is_telling);
            match &event.what {
                What::Statement { tx, outcome: Outcome::Done, .. } if is_telling => {
                    open.entry(*tx).or_default().push(position);
                }
                // That one was given up is mostly no line of its own.
                What::Commit { tx, .. } => {
                    commits.extend(open.remove(tx).into_iter().flatten().map(|statement| (statement, position)));
                }
                _ => {}
            }
            if is_telling {
                let likeness = likeness(event, &builder.rows);
                alike.extend(likeness.map(|likeness| (position, likeness, is_routine(&event.what))));
                let threads = builder.see(position, event);
                if is_nothing(&event.what) && threads.iter().all(|thread| thread.kind == Kind::Transaction) {
                    idle.insert(position);
                }
                let nearest = threads.into_iter().filter(|thread| entity.contains(thread));
                // What has the id is the thing itself; what has the name may be about it.
                let nearest = nearest.map(|thread| if thread.kind == Kind::Name { NAMED } else { ITSELF }).min();
                of_entity.extend(nearest.map(|distance| (position, distance)));
            }
        }
        for position in builder.reads.told() {
            telling[*position as usize] = true;
        }
        let repetitions = Repetitions::among(alike.into_iter());
        builder.links.extend(repetitions.links());
        let graph = Graph::new(trace.len(), builder.links);
        Self { graph, of_entity, strikes: struck, in_vain, telling, repetitions, commits, idle }
    }

    /// Returns the distance of each event from what shows the violation, or with `few_faults` from what those struck;
    /// [`FAR`] beyond `limit`. What comes after the position `last` is farther.
    pub(super) fn distances(&self, shown: &[u32], limit: u32, last: Option<u32>, few_faults: bool) -> Vec<u32> {
        let mut roots: Vec<(u32, u32)> = shown.iter().map(|position| (*position, 0)).collect();
        if few_faults {
            roots.extend(self.strikes.iter().map(|position| (*position, STRUCK)));
        }
        // What is missing at the end is missing because of what hangs, whatever hangs is about.
        if last.is_none() {
            roots.extend(self.in_vain.iter().map(|position| (*position, STRUCK)));
        }
        if shown.is_empty() {
            roots.extend(self.of_entity.iter().map(|(position, distance)| (*position, distance - ITSELF)));
        } else {
            roots.extend(&self.of_entity);
        }
        self.graph.distances(&roots, limit, last, LATER)
    }

    /// Returns `true` if the trace says anything of the violation's entity.
    pub(super) fn knows_the_entity(&self) -> bool {
        !self.of_entity.is_empty()
    }

    /// Faults that struck and the calls that they struck, by position.
    pub(super) fn strikes(&self) -> &[u32] {
        &self.strikes
    }

    /// Events that say the same thing again and again.
    pub(super) fn repetitions(&self) -> &Repetitions {
        &self.repetitions
    }

    /// The commit of a statement that went well, if its transaction came to one.
    pub(super) fn commit_of(&self, statement: u32) -> Option<u32> {
        self.commits.get(&statement).copied()
    }

    /// Returns `true` for the end of a transaction that served no request and no message, and came to nothing: a look
    /// whether there is something to do.
    pub(super) fn is_idle(&self, position: u32) -> bool {
        self.idle.contains(&position)
    }

    /// Returns `true` if an event is worth a line.
    pub(super) fn is_telling(&self, position: u32) -> bool {
        self.telling[position as usize]
    }
}

/// The transactions behind which a task waited that held them itself: when they began is worth a line.
fn in_the_way(trace: &[Event]) -> BTreeSet<TxId> {
    let behind = trace.iter().filter_map(|event| match event.what {
        What::NeverReturned { behind, .. } => behind,
        _ => None,
    });
    behind.collect()
}

/// Hands over the threads of each event of a trace, with the event's position: those that it names itself, and where it is
/// worth a line those of what was before it, too.
pub(super) fn follow(trace: &[Event], see: &mut impl FnMut(usize, &[Thread])) {
    let mut builder = Builder::new(trace);
    for (position, event) in (0_u32..).zip(trace) {
        let mut threads = Vec::new();
        if is_telling(&event.what) {
            threads = builder.see(position, event);
        } else {
            threads_of(&event.what, &mut |thread| threads.push(thread));
        }
        see(position as usize, &threads);
    }
}

/// Distance of an event of the violation's entity from what shows the violation.
const ITSELF: u32 = 2;
/// The same for an event that only has its name.
const NAMED: u32 = 5;
/// Additional distance of an effect that came when all was over.
const LATER: u32 = 3;
/// Distance of a fault and of what it struck from what shows the violation, where there are few faults.
const STRUCK: u32 = 3;

/// Returns `true` if an event is nothing out of the ordinary where it comes again and again: what looks, and what came to
/// an end without an effect.
fn is_routine(what: &What) -> bool {
    match what {
        What::Statement { outcome: Outcome::Done, .. }
        | What::Claim { outcome: Outcome::Done, .. }
        | What::StoreCall { outcome: Outcome::Done, .. } => true,
        what => is_nothing(what),
    }
}

/// Returns `true` for the end of a transaction that changed nothing.
fn is_nothing(what: &What) -> bool {
    matches!(what, What::Commit { effects, outcome: Outcome::Done, .. } if effects.is_empty())
}

/// Returns `true` if an event is worth a line: beginnings, idle polls, reads and refused receives are not.
fn is_telling(what: &What) -> bool {
    match what {
        What::Statement { point: Operation::Statement, .. } => true,
        What::Begin { outcome, .. } | What::Statement { outcome, .. } => *outcome != Outcome::Done,
        What::Abort { tried, .. } => !tried.is_empty(),
        What::Claim { rows, outcome, .. } => !rows.is_empty() || *outcome != Outcome::Done,
        What::Acquire { sagas, outcome, .. } => !sagas.is_empty() || *outcome != Outcome::Done,
        // Reads tell nothing, and neither does clearing away what is not there.
        What::StoreCall { operation, count, outcome, .. } => {
            let changes = ["redrive", "purge"].iter().any(|verb| operation.name().starts_with(verb));
            *outcome != Outcome::Done || (*count > 0 && changes)
        }
        What::Subscribe { .. }
        | What::ReceiveFailed { .. }
        | What::FaultOver { .. }
        | What::Quiet
        | What::Kept { .. } => false,
        _ => true,
    }
}
