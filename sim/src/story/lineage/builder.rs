use std::collections::{BTreeMap, BTreeSet};

use seaworthy_core::{
    ids::{Direction, MessageId, OperationId, SagaId},
    saga::Record,
};
use smol_str::SmolStr;

use super::{
    graph::Link,
    open_work::{OpenWork, Whose},
    reads::Reads,
    thread::{Kind, Thread, named, threads_of},
};
use crate::trace::{Effect, Event, Outcome, ProcessIndex, What};

/// Additional distance of what becomes of a message from what staged it, over that of one event of the message from the
/// next.
const PRODUCT: u32 = 4;

/// Builder of the links between the events of a trace, which it is shown one after the other.
pub(super) struct Builder {
    pub(super) links: Vec<Link>,
    /// The last event of each thread.
    last: BTreeMap<Thread, u32>,
    /// The message of each row that was claimed, by store and number.
    pub(super) rows: BTreeMap<(SmolStr, u64), MessageId>,
    /// The last publish of each message.
    published: BTreeMap<MessageId, u32>,
    /// The subject of each message.
    subjects: BTreeMap<MessageId, SmolStr>,
    /// Messages of which no more is known than that they were staged.
    staged: BTreeSet<Thread>,
    /// The saga of each operation of a step.
    sagas: BTreeMap<OperationId, SagaId>,
    open: OpenWork,
    /// The last transaction of each task, and what it served.
    served: BTreeMap<Whose, (Vec<Thread>, u32)>,
    pub(super) reads: Reads,
    /// The end of the last incarnation of each process.
    down: BTreeMap<ProcessIndex, u32>,
}

impl Builder {
    pub(super) fn new(trace: &[Event]) -> Self {
        Self {
            links: Vec::new(),
            last: BTreeMap::new(),
            rows: BTreeMap::new(),
            published: BTreeMap::new(),
            subjects: BTreeMap::new(),
            staged: BTreeSet::new(),
            sagas: sagas_of(trace),
            open: OpenWork::default(),
            served: BTreeMap::new(),
            reads: Reads::default(),
            down: BTreeMap::new(),
        }
    }

    /// Takes in an event, and says what it is about.
    pub(super) fn see(&mut self, position: u32, event: &Event) -> Vec<Thread> {
        let mut threads = Vec::new();
        threads_of(&event.what, &mut |thread| threads.push(thread));
        self.follow(position, event, &mut threads);
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
            let task = Thread::new(Kind::Task, &(event.process, event.incarnation, event.task));
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
    fn follow(&mut self, position: u32, event: &Event, threads: &mut Vec<Thread>) {
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
                let served: Vec<Thread> = self.open.context(event).collect();
                threads.extend(&served);
                self.go_on(position, event, served);
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

    /// Links a transaction with the one before it, if the task serves the same as it did then: that looked, and this acts.
    fn go_on(&mut self, position: u32, event: &Event, served: Vec<Thread>) {
        if served.is_empty() {
            return;
        }
        let task = (event.process, event.incarnation, event.task);
        if let Some((before, cause)) = self.served.insert(task, (served.clone(), position))
            && before == served
        {
            self.links.push(Link { cause, effect: position, to_cause: 1, to_effect: 2 });
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
