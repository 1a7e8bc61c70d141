//! Work that each incarnation has begun and not ended: what it does not live to do explains what is missing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::thread::Thread;
use crate::trace::{Event, ProcessIndex};

/// Task of an event: process, incarnation, number.
pub(super) type Whose = (ProcessIndex, u32, u32);

/// So many requests of an incarnation may be without the task that serves it.
const TAKEN_MAX: usize = 4;

/// A request, and the number of the task that seems to serve it.
type Taken = (Thread, Option<u32>);

/// Work in progress, by incarnation and by task.
#[derive(Debug, Default)]
pub(super) struct OpenWork {
    of_incarnation: BTreeMap<(ProcessIndex, u32), BTreeSet<Thread>>,
    /// Messages that a task received and has not said the last word on.
    deliveries: BTreeMap<Whose, Vec<Thread>>,
    /// Those of them that it acknowledged: it may still be at work on them until it receives again.
    acknowledged: BTreeMap<Whose, Vec<Thread>>,
    /// The request that a task serves.
    requests: BTreeMap<Whose, Thread>,
    /// The requests that an incarnation took last, for the tasks that it spawns, and the task that seems to be each one's.
    taken: BTreeMap<(ProcessIndex, u32), VecDeque<Taken>>,
    /// Tasks that have done something: none of them is one that was spawned just now.
    known: BTreeSet<Whose>,
}

fn whose(event: &Event) -> Whose {
    (event.process, event.incarnation, event.task)
}

impl OpenWork {
    pub(super) fn begin(&mut self, event: &Event, thread: Thread) {
        self.of_incarnation.entry((event.process, event.incarnation)).or_default().insert(thread);
    }

    pub(super) fn end(&mut self, event: &Event, thread: Thread) {
        if let Some(open) = self.of_incarnation.get_mut(&(event.process, event.incarnation)) {
            open.remove(&thread);
        }
        if let Some(open) = self.deliveries.get_mut(&whose(event)) {
            open.retain(|other| *other != thread);
        }
    }

    pub(super) fn receive(&mut self, event: &Event, message: Thread) {
        for done in self.acknowledged.remove(&whose(event)).unwrap_or_default() {
            self.end(event, done);
        }
        self.begin(event, message);
        self.deliveries.entry(whose(event)).or_default().push(message);
    }

    pub(super) fn acknowledge(&mut self, event: &Event, message: Thread) {
        self.acknowledged.entry(whose(event)).or_default().push(message);
    }

    pub(super) fn ask(&mut self, event: &Event, request: Thread) {
        self.begin(event, request);
        self.requests.insert(whose(event), request);
        let taken = self.taken.entry((event.process, event.incarnation)).or_default();
        if taken.len() == TAKEN_MAX {
            taken.pop_front();
        }
        taken.push_back((request, None));
    }

    /// Returns the threads that a task's event answers, beyond what it says itself: the one message that it has
    /// received, however many copies of it, and the request that it serves.
    pub(super) fn context(&mut self, event: &Event) -> impl Iterator<Item = Thread> {
        let message = match self.deliveries.get(&whose(event)).map(Vec::as_slice) {
            Some([one, others @ ..]) if others.iter().all(|other| other == one) => Some(*one),
            _ => None,
        };
        let is_new = self.known.insert(whose(event));
        let request = match self.requests.get(&whose(event)) {
            Some(request) => Some(*request),
            // A task's first event: a request that was taken just before is what it was spawned for.
            None if is_new && event.task > 1 => self.spawned(event),
            None => None,
        };
        message.into_iter().chain(request)
    }

    /// The request that a task seems to have been spawned for: one that has no task, or whose task is older. Tasks are
    /// numbered as they are spawned, and one that was there before may only now do its first thing.
    fn spawned(&mut self, event: &Event) -> Option<Thread> {
        let taken = self.taken.get_mut(&(event.process, event.incarnation))?;
        let (request, by) = taken.iter_mut().min_by_key(|(_, by)| *by).filter(|(_, by)| *by < Some(event.task))?;
        if let Some(elder) = by.replace(event.task) {
            self.requests.remove(&(event.process, event.incarnation, elder));
        }
        self.requests.insert(whose(event), *request);
        Some(*request)
    }

    /// Removes an incarnation and returns the threads that die with it.
    pub(super) fn bury(&mut self, event: &Event) -> BTreeSet<Thread> {
        self.of_incarnation.remove(&(event.process, event.incarnation)).unwrap_or_default()
    }
}
