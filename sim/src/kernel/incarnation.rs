use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::{Context, Poll, Waker},
};

use futures_util::future::BoxFuture;
use seaworthy_core::{ports::TakesUp, stop::Stop};

use super::{
    Meter,
    panics::{Panicked, catch},
    pulse::Pulse,
    task::Polling,
};
use crate::{plan::Restart, trace::ProcessIndex};

/// One incarnation of a process: everything that lives from a boot to a crash.
///
/// Its tasks are dropped at their next poll once it is dead, so no code of a dead incarnation runs again. One task may
/// hold many futures, though, and a crash in one of them ends neither the poll that it happened in nor the others that
/// this poll goes on to: whatever waits on behalf of an incarnation waits by [`Incarnation::alive`].
pub(crate) struct Incarnation {
    pub(crate) process: ProcessIndex,
    /// Counted over its process, from 1.
    pub(crate) number: u32,
    pub(crate) pulse: Pulse,
    meter: Meter,
    dead: AtomicBool,
    /// Tasks that it ever had.
    spawned: AtomicU32,
    tasks: Mutex<Tasks>,
    /// Commits that a store has been given and has not decided yet.
    pub(crate) commits: AtomicU32,
    /// Restart of the process, if it died while a commit was undecided: its death is told after the decision.
    pub(crate) dying: Mutex<Option<Restart>>,
    /// Asks it to stop.
    pub(crate) stop: Stop,
    /// Restart of the process, if it was asked to stop.
    stopping: Mutex<Option<Restart>>,
    /// Parts of it that can take up what was given up.
    parts: Mutex<Vec<Arc<dyn TakesUp>>>,
}

/// Wakers of the living tasks, by slot; the slot of a task that has ended is used again.
#[derive(Default)]
struct Tasks {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl Incarnation {
    pub(crate) fn new(process: ProcessIndex, number: u32, meter: Meter) -> Arc<Self> {
        Arc::new(Self {
            process,
            number,
            pulse: Pulse::default(),
            meter,
            dead: AtomicBool::new(false),
            spawned: AtomicU32::new(0),
            tasks: Mutex::default(),
            commits: AtomicU32::new(0),
            dying: Mutex::new(None),
            stop: Stop::new(),
            stopping: Mutex::new(None),
            parts: Mutex::default(),
        })
    }

    /// Waits for `future` for as long as the incarnation lives. In a dead one it is polled no more and never ends, whoever
    /// polls it: so neither has it an effect, nor does what comes after it.
    pub(crate) fn alive<F: Future + Unpin>(&self, future: F) -> Alive<'_, F> {
        Alive::new(self, future)
    }

    /// Returns `true` if a port call is under way; a commit that its caller may have left alone is one for as long as
    /// it is undecided.
    pub(crate) fn is_calling(&self) -> bool {
        !self.pulse.calls.is_empty() || self.commits.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Ends it: all its tasks wake up to be dropped. `false` if it was dead before.
    pub(crate) fn end(&self) -> bool {
        if self.dead.swap(true, Ordering::Relaxed) {
            return false;
        }
        // They hold its ports, and these hold it.
        let parts = std::mem::take(&mut *self.parts());
        drop(parts);
        let wakers = std::mem::take(&mut self.tasks().wakers);
        for waker in wakers.into_iter().flatten() {
            waker.wake();
        }
        true
    }

    /// Returns `true` if a death has to wait for a commit to be decided; then `restart` is kept for [`Deciding`].
    pub(crate) fn dies_later(&self, restart: Restart) -> bool {
        let later = self.commits.load(Ordering::Relaxed) > 0;
        if later {
            *self.dying.lock().unwrap_or_else(PoisonError::into_inner) = Some(restart);
        }
        later
    }

    /// Asks it to stop. `false` if it was asked before.
    pub(crate) fn asked_to_stop(&self, restart: Restart) -> bool {
        let first = self.stopping.lock().unwrap_or_else(PoisonError::into_inner).replace(restart).is_none();
        self.stop.set();
        first
    }

    /// Returns the restart of the process, if it was asked to stop.
    pub(crate) fn stopping(&self) -> Option<Restart> {
        *self.stopping.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a part that can take up what was given up.
    pub(crate) fn offer(&self, part: Arc<dyn TakesUp>) {
        if !self.is_dead() {
            self.parts().push(part);
        }
    }

    /// Returns the parts that can take up what was given up.
    pub(crate) fn parts(&self) -> MutexGuard<'_, Vec<Arc<dyn TakesUp>>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns `true` if none of its tasks goes on.
    pub(crate) fn has_no_tasks(&self) -> bool {
        self.tasks().wakers.iter().all(Option::is_none)
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, waker: &Waker) -> usize {
        let mut tasks = self.tasks();
        if let Some(slot) = tasks.free.pop() {
            tasks.wakers[slot] = Some(waker.clone());
            return slot;
        }
        tasks.wakers.push(Some(waker.clone()));
        tasks.wakers.len() - 1
    }

    fn leave(&self, slot: usize) {
        let mut tasks = self.tasks();
        if let Some(waker) = tasks.wakers.get_mut(slot) {
            *waker = None;
            tasks.free.push(slot);
        }
    }
}

/// Callback that is given a panic.
pub(crate) type OnPanic = Arc<dyn Fn(&Incarnation, Panicked) + Send + Sync>;

/// A task of one incarnation.
pub(crate) struct IncarnationTask {
    incarnation: Arc<Incarnation>,
    /// Counted over its incarnation, from 1.
    number: u32,
    task: Option<BoxFuture<'static, ()>>,
    slot: Option<usize>,
    on_panic: OnPanic,
}

impl IncarnationTask {
    pub(crate) fn new(incarnation: Arc<Incarnation>, task: BoxFuture<'static, ()>, on_panic: OnPanic) -> Self {
        add(&incarnation.spawned, 1);
        let number = incarnation.spawned.load(Ordering::Relaxed);
        Self { incarnation, number, task: Some(task), slot: None, on_panic }
    }

    fn finish(&mut self) -> Poll<()> {
        // Destructors are code of the process too. What they panic with after its death is nobody's affair.
        // The watchdog looks after them as well.
        let task = self.task.take();
        self.incarnation.meter.poll_begins(self.incarnation.process);
        let dropped = catch(|| drop(task));
        self.incarnation.meter.poll_ends();
        if let Err(panicked) = dropped
            && !self.incarnation.is_dead()
        {
            (self.on_panic)(&self.incarnation, panicked);
        }
        if let Some(slot) = self.slot.take() {
            self.incarnation.leave(slot);
        }
        Poll::Ready(())
    }
}

impl Future for IncarnationTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.incarnation.meter.woken();
        self.incarnation.pulse.polled();
        if self.incarnation.is_dead() {
            return self.finish();
        }
        if self.slot.is_none() {
            // The simulator's executor keeps one waker for a task's whole life, so it is registered once.
            self.slot = Some(self.incarnation.enter(cx.waker()));
        }
        let _polling = Polling::new(self.incarnation.process, self.incarnation.number, self.number);
        let Self { incarnation, task, .. } = &mut *self;
        let Some(task) = task else { return Poll::Ready(()) };
        if incarnation.meter.is_spent() {
            // The run is given up, and whatever spins would keep the world from seeing that.
            return Poll::Pending;
        }
        incarnation.meter.poll_begins(incarnation.process);
        let polled = catch(|| task.as_mut().poll(cx));
        incarnation.meter.poll_ends();
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(())) => self.finish(),
            Err(panicked) => {
                (self.on_panic)(&self.incarnation, panicked);
                self.finish()
            }
        }
    }
}

pub(crate) fn add(count: &AtomicU32, difference: i32) {
    count.store(count.load(Ordering::Relaxed).wrapping_add_signed(difference), Ordering::Relaxed);
}

/// Future of [`Incarnation::alive`].
pub(crate) struct Alive<'a, F> {
    incarnation: &'a Incarnation,
    future: F,
}

impl<'a, F> Alive<'a, F> {
    pub(crate) fn new(incarnation: &'a Incarnation, future: F) -> Self {
        Self { incarnation, future }
    }
}

impl<F: Future + Unpin> Future for Alive<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if self.incarnation.is_dead() {
            return Poll::Pending;
        }
        Pin::new(&mut self.future).poll(cx)
    }
}
