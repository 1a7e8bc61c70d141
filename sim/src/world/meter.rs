use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use madsim::time::{Sleep, TimeHandle};

/// What a run asked of the simulator's executor. A benchmark asks the same of it with nothing else around, and so learns
/// what the rest of a run costs.
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
    time: TimeHandle,
    wakes: AtomicU64,
    timers: AtomicU64,
}

fn add_one(count: &AtomicU64) {
    count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

impl Meter {
    pub(super) fn new(time: TimeHandle) -> Self {
        Self(Arc::new(Counts { time, wakes: AtomicU64::new(0), timers: AtomicU64::new(0) }))
    }

    /// A task is polled.
    pub(super) fn woken(&self) {
        add_one(&self.0.wakes);
    }

    /// Waits in virtual time.
    pub(crate) fn sleep(&self, duration: Duration) -> Sleep {
        add_one(&self.0.timers);
        // By its handle, which spares the way through the thread's current runtime.
        self.0.time.sleep(duration)
    }

    pub(super) fn effort(&self) -> Effort {
        Effort { wakes: self.0.wakes.load(Ordering::Relaxed), timers: self.0.timers.load(Ordering::Relaxed) }
    }
}
