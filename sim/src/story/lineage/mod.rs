//! Lineage of events: the trace as a graph of causes and effects.
//!
//! | module | what it is |
//! |---|---|
//! | `thread` | what an event is about by what it says itself |
//! | `strikes` | which call a fault struck, and who died of it |
//! | `open_work` | what an incarnation had begun and not ended |
//! | `reads` | what a transaction had read before another one changed it |
//! | `likeness`, `repetitions` | which events say the same thing again and again |
//! | `graph` | how far one event is from another |

mod graph;
mod likeness;
mod open_work;
mod reads;
mod repetitions;
mod strikes;
mod thread;

use seaworthy_core::ports::Operation;
use std::collections::{BTreeMap, BTreeSet};

use seaworthy_core::{
    ids::{Direction, MessageId, OperationId, SagaId},
    saga::Record,
};
use smol_str::SmolStr;

pub(super) use self::{
    graph::FAR,
    repetitions::{Repetition, Repetitions},
    strikes::outcome_of,
    thread::Thread,
};
use self::{
    graph::{Graph, Link},
    likeness::likeness,
    open_work::OpenWork,
    reads::Reads,
    strikes::Strikes,
    thread::{Kind, named, threads_of, threads_of_entity},
};
use crate::{
    invariants::Entity,
    plan::Fault,
    trace::{Effect, Event, Outcome, ProcessIndex, TxId, What},
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
}

impl Lineage {
    /// Reads a trace for a violation about `entity`, which the events at the positions `shown` show.
    pub(super) fn of(trace: &[Event], faults: &[Fault], processes: &[SmolStr], entity: &Entity, shown: &[u32]) -> Self {
        let mut builder = Builder::new(trace);
        let entity = threads_of_entity(entity);
        let mut strikes = Strikes::new(faults, processes);
        let (mut of_entity, mut struck, mut in_vain) = (Vec::new(), Vec::new(), Vec::new());
        let (mut telling, mut alike) = (Vec::with_capacity(trace.len()), Vec::new());
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
            if is_telling {
                let likeness = likeness(event, &builder.rows);
                alike.extend(likeness.map(|likeness| (position, likeness, is_routine(&event.what))));
                let nearest = builder.see(position, event).into_iter().filter(|thread| entity.contains(thread));
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
        Self { graph, of_entity, strikes: struck, in_vain, telling, repetitions }
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
/// Additional distance of what becomes of a message from what staged it, over that of one event of the message from the
/// next.
const PRODUCT: u32 = 4;
/// Distance of a fault and of what it struck from what shows the violation, where there are few faults.
const STRUCK: u32 = 3;

struct Builder {
    links: Vec<Link>,
    /// The last event of each thread.
    last: BTreeMap<Thread, u32>,
    /// The message of each row that was claimed, by store and number.
    rows: BTreeMap<(SmolStr, u64), MessageId>,
    /// The last publish of each message.
    published: BTreeMap<MessageId, u32>,
    /// The subject of each message.
    subjects: BTreeMap<MessageId, SmolStr>,
    /// Messages of which no more is known than that they were staged.
    staged: BTreeSet<Thread>,
    /// The saga of each operation of a step.
    sagas: BTreeMap<OperationId, SagaId>,
    open: OpenWork,
    reads: Reads,
    /// The end of the last incarnation of each process.
    down: BTreeMap<ProcessIndex, u32>,
}

impl Builder {
    fn new(trace: &[Event]) -> Self {
        Self {
            links: Vec::new(),
            last: BTreeMap::new(),
            rows: BTreeMap::new(),
            published: BTreeMap::new(),
            subjects: BTreeMap::new(),
            staged: BTreeSet::new(),
            sagas: sagas_of(trace),
            open: OpenWork::default(),
            reads: Reads::default(),
            down: BTreeMap::new(),
        }
    }

    /// Takes in an event, and says what it is about.
    fn see(&mut self, position: u32, event: &Event) -> Vec<Thread> {
        let mut threads = Vec::new();
        threads_of(&event.what, &mut |thread| threads.push(thread));
        self.follow(event, &mut threads);
        self.settle(position, event);
        threads.sort_unstable();
        threads.dedup();
        match &event.what {
            What::Crash | What::Panic { .. } | What::Exit { .. } => {
                for thread in self.open.bury(event) {
                    // Whoever asks what became of the work gets here; whoever asks why it crashed does not get there.
                    self.touch(position, thread, 6, 1);
                }
                self.down.insert(event.process, position);
            }
            What::Boot { .. } => {
                if let Some(down) = self.down.remove(&event.process) {
                    self.links.push(Link { cause: down, effect: position, to_cause: 1, to_effect: 1 });
                }
            }
            _ => {}
        }
        if let What::Commit { tx, .. } = event.what {
            let before =
                threads.iter().filter(|thread| thread.kind.is_shared()).filter_map(|thread| self.last.get(thread));
            let links = self.reads.overtaken(tx, position, before.copied());
            self.links.extend(links);
        }
        for thread in &threads {
            self.touch(position, *thread, thread.kind.to_cause(), thread.kind.to_effect());
        }
        if let What::Commit { effects, .. } = &event.what {
            let staged = effects.iter().filter_map(|effect| match effect {
                Effect::Staged(message) => Some(Thread::message(message.id)),
                _ => None,
            });
            self.staged.extend(staged);
        }
        if event.process != ProcessIndex::WORLD && !is_inside_a_transaction(&event.what) {
            let task = Thread::of(Kind::Task, &(event.process, event.incarnation, event.task));
            if is_a_beginning(&event.what) {
                // New work has nothing to do with what the task did before.
                self.last.remove(&task);
            }
            self.touch(position, task, Kind::Task.to_cause(), Kind::Task.to_effect());
        }
        threads
    }

    /// Notes the settlement of a row with the broker's word on its message, which it should follow from.
    fn settle(&mut self, position: u32, event: &Event) {
        match &event.what {
            What::Publish { message, .. } => {
                self.published.insert(message.id, position);
            }
            What::Settle { store, rows, .. } => {
                let messages = rows.iter().filter_map(|row| self.rows.get(&(store.clone(), row.row.0)));
                let published = messages.filter_map(|message| self.published.get(message));
                let link = |cause: &u32| Link { cause: *cause, effect: position, to_cause: 0, to_effect: 1 };
                self.links.extend(published.map(link));
            }
            _ => {}
        }
    }

    fn touch(&mut self, position: u32, thread: Thread, to_cause: u32, mut to_effect: u32) {
        if let Some(before) = self.last.insert(thread, position)
            && before != position
        {
            // What becomes of a message is no part of how it came to be staged.
            if self.staged.remove(&thread) {
                to_effect += PRODUCT;
            }
            self.links.push(Link { cause: before, effect: position, to_cause, to_effect });
        }
    }

    /// Finds what an event is about by what was before it, and what it begins and ends.
    fn follow(&mut self, event: &Event, threads: &mut Vec<Thread>) {
        match &event.what {
            What::Request { request, .. } => self.open.ask(event, Thread::request(*request)),
            What::Reply { request, .. } => self.open.end(event, Thread::request(*request)),
            What::Claim { store, rows, .. } => {
                for row in rows.iter() {
                    self.rows.insert((store.clone(), row.row.0), row.message);
                    self.open.begin(event, Thread::message(row.message));
                }
            }
            What::Settle { store, rows, .. } => {
                for row in rows.iter() {
                    if let Some(message) = self.rows.get(&(store.clone(), row.row.0)) {
                        threads.push(Thread::message(*message));
                        self.open.end(event, Thread::message(*message));
                    }
                }
            }
            // What nobody staged is known by what it is about; else its staging is.
            What::Publish { message, .. } if !self.last.contains_key(&Thread::message(message.id)) => {
                named(&message.subject, &mut |thread| threads.push(thread));
                threads.extend(self.open.context(event));
            }
            What::Deliver { message, .. } => {
                self.subjects.entry(message.id).or_insert_with(|| message.subject.clone());
                self.open.receive(event, Thread::message(message.id));
            }
            What::Ack { message, .. } => self.open.acknowledge(event, Thread::message(*message)),
            What::Nack { message, .. } => self.open.end(event, Thread::message(*message)),
            What::External { operation_id, .. } => {
                threads.extend(self.sagas.get(operation_id).map(|saga| Thread::saga(*saga)));
                threads.extend(self.open.context(event));
            }
            What::Commit { effects, outcome, .. } => {
                threads.extend(self.open.context(event));
                for effect in effects.iter().filter(|_| outcome.took_effect()) {
                    self.commit(event, effect);
                    if let Effect::Handled { consumer, message } = effect
                        && let Some(subject) = self.subjects.get(message)
                    {
                        threads.push(Thread::handling(consumer, subject));
                    }
                }
            }
            What::Abort { .. } | What::Statement { .. } | What::NeverReturned { .. } => {
                threads.extend(self.open.context(event));
            }
            _ => {}
        }
    }

    fn commit(&mut self, event: &Event, effect: &Effect) {
        match effect {
            Effect::Handled { message, .. } | Effect::Buried { message, .. } => {
                self.open.acknowledge(event, Thread::message(*message));
            }
            Effect::SagaCreated { saga, .. } => self.open.begin(event, Thread::saga(*saga)),
            Effect::SagaLogged { saga, status, .. } if status.is_terminal() => {
                self.open.end(event, Thread::saga(*saga));
            }
            Effect::SagaLogged { saga, .. } => self.open.begin(event, Thread::saga(*saga)),
            _ => {}
        }
    }
}

/// The operations of all steps that a saga's log names.
fn sagas_of(trace: &[Event]) -> BTreeMap<OperationId, SagaId> {
    let mut sagas = BTreeMap::new();
    for event in trace {
        let What::Commit { effects, .. } = &event.what else { continue };
        for effect in effects.iter() {
            let Effect::SagaLogged { saga, records, .. } = effect else { continue };
            for record in records.iter().filter_map(|record| Record::decode(record).ok()) {
                if let Some(step) = record.step() {
                    for direction in [Direction::Action, Direction::Compensation] {
                        sagas.insert(OperationId::derive(*saga, step, direction), *saga);
                    }
                }
            }
        }
    }
    sagas
}

/// A statement is told by its transaction's end, unless it failed: then that end tells nothing.
fn is_inside_a_transaction(what: &What) -> bool {
    matches!(what, What::DuplicateSeen { .. } | What::Statement { outcome: Outcome::Done, .. })
}

/// Returns `true` if a task begins something anew: it took in what others sent, or looked what is to be done.
fn is_a_beginning(what: &What) -> bool {
    matches!(what, What::Deliver { .. } | What::Request { .. } | What::Claim { .. } | What::Acquire { .. })
}

/// Returns `true` if an event is nothing out of the ordinary where it comes again and again: what looks, and what came to
/// an end without an effect.
fn is_routine(what: &What) -> bool {
    match what {
        What::Statement { outcome: Outcome::Done, .. }
        | What::Claim { outcome: Outcome::Done, .. }
        | What::StoreCall { outcome: Outcome::Done, .. } => true,
        What::Commit { effects, outcome: Outcome::Done, .. } => effects.is_empty(),
        _ => false,
    }
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
        What::Subscribe { .. } | What::ReceiveFailed { .. } | What::FaultOver { .. } | What::Quiet => false,
        _ => true,
    }
}
