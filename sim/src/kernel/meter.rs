use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    executor::{Limit, Moment, Time},
    trace::ProcessIndex,
};

/// Effort of the simulator's executor for a run. A benchmark asks the same of it with nothing else around, and so
/// learns what the rest of a run costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Times a task was woken and polled.
    pub wakes: u64,
    /// Timers that were set.
    pub timers: u64,
}

/// Counts a run's effort, wherever it is made.
#[derive(Clone)]
pub(crate) struct Meter(Arc<Counts>);

/// A run keeps to one thread: plain loads and stores are enough, and cost nothing.
struct Counts {
    time: Time,
    timers: AtomicU64,
    /// Wakes that the budget allows.
    steps: AtomicU64,
    steps_per_call: u64,
    progress: Arc<Progress>,
}

/// Progress of a run, for whoever looks on from another thread. It keeps nothing else of the run alive.
#[derive(Default)]
pub(crate) struct Progress {
    wakes: AtomicU64,
    /// One more than the process that is being polled; zero for none.
    polling: AtomicU32,
}

impl Progress {
    pub(crate) fn wakes(&self) -> u64 {
        self.wakes.load(Ordering::Relaxed)
    }

    /// Returns the process whose task is being polled.
    pub(crate) fn polling(&self) -> Option<ProcessIndex> {
        let process = self.polling.load(Ordering::Relaxed).checked_sub(1)?;
        Some(ProcessIndex(process as u16))
    }
}

fn add_one(count: &AtomicU64) {
    count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

impl Meter {
    /// The meter of a run that may make so many port calls, with so many wakes for each.
    pub(crate) fn new(time: Time, calls: u64, steps_per_call: u64) -> Self {
        let (timers, steps) = (AtomicU64::new(0), AtomicU64::new(calls.saturating_mul(steps_per_call)));
        Self(Arc::new(Counts { time, timers, steps, steps_per_call, progress: Arc::default() }))
    }

    /// Allows the wakes of so many more port calls.
    pub(crate) fn allow(&self, calls: u64) {
        let steps = self.0.steps.load(Ordering::Relaxed);
        self.0.steps.store(steps.saturating_add(calls.saturating_mul(self.0.steps_per_call)), Ordering::Relaxed);
    }

    /// A task is polled.
    pub(crate) fn woken(&self) {
        add_one(&self.0.progress.wakes);
    }

    /// Returns `true` if more tasks were polled than the budget allows.
    pub(crate) fn is_spent(&self) -> bool {
        self.0.progress.wakes() > self.0.steps.load(Ordering::Relaxed)
    }

    /// A poll of a process's task, or of the client's, begins.
    pub(crate) fn poll_begins(&self, process: ProcessIndex) {
        self.0.progress.polling.store(u32::from(process.0) + 1, Ordering::Relaxed);
    }

    /// It has ended.
    pub(crate) fn poll_ends(&self) {
        self.0.progress.polling.store(0, Ordering::Relaxed);
    }

    /// Returns the progress of the run, for whoever looks on from another thread.
    pub(crate) fn progress(&self) -> Arc<Progress> {
        self.0.progress.clone()
    }

    /// Waits in virtual time.
    pub(crate) fn sleep(&self, duration: Duration) -> Moment<'_> {
        add_one(&self.0.timers);
        self.0.time.sleep(duration)
    }

    /// Waits in virtual time, for a limit.
    pub(crate) fn limit(&self, duration: Duration) -> Limit<'_> {
        add_one(&self.0.timers);
        self.0.time.limit(duration)
    }

    pub(crate) fn effort(&self) -> Effort {
        Effort { wakes: self.0.progress.wakes(), timers: self.0.timers.load(Ordering::Relaxed) }
    }
}
