use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

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
#[derive(Clone, Default)]
pub(crate) struct Meter(Arc<Counts>);

/// A run keeps to one thread: plain loads and stores are enough, and cost nothing.
#[derive(Default)]
struct Counts {
    wakes: AtomicU64,
    timers: AtomicU64,
}

fn add_one(count: &AtomicU64) {
    count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

impl Meter {
    /// A task is polled.
    pub(super) fn woken(&self) {
        add_one(&self.0.wakes);
    }

    /// Waits in virtual time.
    pub(crate) fn sleep(&self, duration: Duration) -> madsim::time::Sleep {
        add_one(&self.0.timers);
        madsim::time::sleep(duration)
    }

    pub(super) fn effort(&self) -> Effort {
        Effort { wakes: self.0.wakes.load(Ordering::Relaxed), timers: self.0.timers.load(Ordering::Relaxed) }
    }
}
