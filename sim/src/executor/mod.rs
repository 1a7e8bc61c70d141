//! Runs the tasks of one run: one thread, virtual time, and a draw for which of the ready tasks goes next.
//!
//! | module | what it is |
//! |---|---|
//! | [`ready`] | who is ready to be polled |
//! | [`time`] | virtual time, and who waits for it |
//!
//! It lives within one task of madsim, whose place it takes as far as a run goes: what a task asks of the operating system
//! (the time, entropy, threads) is still answered by madsim, and virtual time is the same in both. A run sets and wakes
//! its timers some hundred times and does little in between, so what that costs decides how many runs a second makes:
//! here nothing is shared with another thread, no timer is set twice, and a task's waker is made once.

mod ready;
mod time;

#[cfg(test)]
mod tests;

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};

use self::ready::{Id, Ready};
use crate::draw::Draw;

pub(crate) use time::{Limit, Moment, Time};

/// Number of the program itself among the tasks.
const PROGRAM: u32 = 0;

/// The tasks of one run, each a `T`.
pub(crate) struct Executor<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    ready: Ready,
    spawner: Spawner<T>,
    time: Time,
    order: Draw,
}

/// A place for a task; it is used again once the task has ended.
struct Slot<T> {
    task: Option<T>,
    generation: u32,
    waker: Waker,
}

/// Spawner of tasks. It keeps nothing of the executor alive but what was started and not yet taken over.
pub(crate) struct Spawner<T>(Arc<Spawned<T>>);

struct Spawned<T> {
    is_any: AtomicBool,
    tasks: Mutex<Vec<T>>,
}

impl<T> Clone for Spawner<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Spawner<T> {
    /// Starts a task: it is ready from now on.
    pub(crate) fn spawn(&self, task: T) {
        self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task);
        self.0.is_any.store(true, Ordering::Relaxed);
    }

    /// Returns the tasks that were started since this was asked last, if there are any.
    fn take(&self) -> Option<Vec<T>> {
        if !self.0.is_any.load(Ordering::Relaxed) {
            return None;
        }
        self.0.is_any.store(false, Ordering::Relaxed);
        Some(std::mem::take(&mut *self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl<T: Future<Output = ()> + Unpin> Executor<T> {
    /// An executor without tasks, which draws from `order` who goes next. To be made and run within a madsim runtime.
    pub(crate) fn new(order: Draw) -> Self {
        let ready = Ready::default();
        // The first slot is the program's, which is no task and never ends before the others.
        let program = Slot { task: None, generation: 0, waker: ready.waker(Id { slot: PROGRAM, generation: 0 }) };
        let spawned = Spawned { is_any: AtomicBool::new(false), tasks: Mutex::default() };
        Self {
            slots: vec![program],
            free: Vec::new(),
            ready,
            spawner: Spawner(Arc::new(spawned)),
            time: Time::new(madsim::time::TimeHandle::current()),
            order,
        }
    }

    /// Its virtual time.
    pub(crate) fn time(&self) -> Time {
        self.time.clone()
    }

    /// Starts tasks of it.
    pub(crate) fn spawner(&self) -> Spawner<T> {
        self.spawner.clone()
    }

    /// Runs `program` to its end, and all tasks meanwhile. Tasks that the program has woken at last are polled once more;
    /// then all that are left are dropped, and every timer with them.
    pub(crate) async fn run<P: Future>(mut self, mut program: Pin<&mut P>) -> P::Output {
        self.ready.wake(Id { slot: PROGRAM, generation: 0 });
        let output = poll_fn(|cx| self.poll(program.as_mut(), cx)).await;
        while self.step() {}
        self.time.forget();
        output
    }

    /// Polls whoever is ready, and lets time pass when nobody is. Pending only where nobody is ready and nobody waits for
    /// time: then something of madsim's own is waited for.
    fn poll<P: Future>(&mut self, mut program: Pin<&mut P>, cx: &mut Context<'_>) -> Poll<P::Output> {
        loop {
            match self.next() {
                Some(Id { slot: PROGRAM, .. }) => {
                    let mut cx = Context::from_waker(&self.slots[PROGRAM as usize].waker);
                    if let Poll::Ready(output) = program.as_mut().poll(&mut cx) {
                        return Poll::Ready(output);
                    }
                    self.time.passes();
                }
                Some(id) => self.poll_task(id),
                None if self.time.skip() => {}
                None if self.ready.tell(cx.waker()) => return Poll::Pending,
                None => {}
            }
        }
    }

    /// Polls one task that is ready, whatever became of the program; `false` if there is none.
    fn step(&mut self) -> bool {
        match self.next() {
            Some(Id { slot: PROGRAM, .. }) => true,
            Some(id) => {
                self.poll_task(id);
                true
            }
            None => false,
        }
    }

    /// Returns the task that goes next.
    fn next(&mut self) -> Option<Id> {
        if let Some(tasks) = self.spawner.take() {
            tasks.into_iter().for_each(|task| self.adopt(task));
        }
        let order = &mut self.order;
        self.ready.take(|count| order.below(count) as usize)
    }

    fn adopt(&mut self, task: T) {
        let slot = self.free.pop().unwrap_or(self.slots.len() as u32);
        let generation = self.slots.get(slot as usize).map_or(0, |slot| slot.generation + 1);
        let id = Id { slot, generation };
        let made = Slot { task: Some(task), generation, waker: self.ready.waker(id) };
        match self.slots.get_mut(slot as usize) {
            Some(free) => *free = made,
            None => self.slots.push(made),
        }
        self.ready.wake(id);
    }

    fn poll_task(&mut self, id: Id) {
        let slot = &mut self.slots[id.slot as usize];
        // A waker may outlive its task.
        let Some(task) = slot.task.as_mut().filter(|_| slot.generation == id.generation) else { return };
        let polled = Pin::new(task).poll(&mut Context::from_waker(&slot.waker));
        self.time.passes();
        if polled.is_ready() {
            slot.task = None;
            self.free.push(id.slot);
        }
    }
}
