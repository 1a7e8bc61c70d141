use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};

use futures_util::future::BoxFuture;
use smol_str::SmolStr;

use super::Meter;
use crate::trace::ProcessIndex;

/// One incarnation of a process: what lives from a boot to a crash.
///
/// Its tasks are dropped at their next poll once it is dead, so no code of a dead incarnation runs again.
pub(crate) struct Life {
    pub(crate) process: ProcessIndex,
    pub(crate) incarnation: u32,
    meter: Meter,
    dead: AtomicBool,
    tasks: Mutex<Tasks>,
}

/// Wakers of the living tasks, by slot; the slot of a task that has ended is used again.
#[derive(Default)]
struct Tasks {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl Life {
    pub(crate) fn new(process: ProcessIndex, incarnation: u32, meter: Meter) -> Arc<Self> {
        Arc::new(Self { process, incarnation, meter, dead: AtomicBool::new(false), tasks: Mutex::default() })
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Ends it: all its tasks wake up to be dropped. `false` if it was dead before.
    pub(crate) fn end(&self) -> bool {
        if self.dead.swap(true, Ordering::Relaxed) {
            return false;
        }
        let wakers = std::mem::take(&mut self.tasks().wakers);
        for waker in wakers.into_iter().flatten() {
            waker.wake();
        }
        true
    }

    fn tasks(&self) -> std::sync::MutexGuard<'_, Tasks> {
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

/// What becomes of a panic's message.
pub(crate) type OnPanic = Arc<dyn Fn(&Life, SmolStr) + Send + Sync>;

/// A task of one incarnation.
pub(crate) struct Mortal {
    life: Arc<Life>,
    task: Option<BoxFuture<'static, ()>>,
    slot: Option<usize>,
    on_panic: OnPanic,
}

impl Mortal {
    pub(crate) fn new(life: Arc<Life>, task: BoxFuture<'static, ()>, on_panic: OnPanic) -> Self {
        Self { life, task: Some(task), slot: None, on_panic }
    }

    fn finish(&mut self) -> Poll<()> {
        self.task = None;
        if let Some(slot) = self.slot.take() {
            self.life.leave(slot);
        }
        Poll::Ready(())
    }
}

impl Future for Mortal {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.life.meter.woken();
        if self.life.is_dead() {
            return self.finish();
        }
        if self.slot.is_none() {
            // The simulator's executor keeps one waker for a task's whole life, so it is registered once.
            self.slot = Some(self.life.enter(cx.waker()));
        }
        let Some(task) = self.task.as_mut() else { return Poll::Ready(()) };
        match catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(())) => self.finish(),
            Err(payload) => {
                let message = payload
                    .downcast_ref::<&str>()
                    .map(|text| SmolStr::from(*text))
                    .or_else(|| payload.downcast_ref::<String>().map(SmolStr::from))
                    .unwrap_or_else(|| SmolStr::new_static("a panic without a message"));
                (self.on_panic)(&self.life, message);
                self.finish()
            }
        }
    }
}
