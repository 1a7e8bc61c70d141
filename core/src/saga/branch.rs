use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::ids::Direction;

/// One step on its way in one direction.
#[derive(Clone, Copy)]
pub(crate) struct Branch<'a> {
    pub(crate) index: usize,
    pub(crate) direction: Direction,
    /// Steps beside it; `None` where no sibling is under way, so that the saga may be given up while the step waits.
    pub(crate) beside: Option<&'a Beside>,
}

/// Steps that run side by side, and how many of them have something to do. Once all others wait for long or are done,
/// those that wait leave memory, too.
pub(crate) struct Beside {
    busy: AtomicUsize,
    rest: Notify,
}

impl Beside {
    /// So many steps, all of them busy.
    pub(crate) fn new(busy: usize) -> Self {
        Self { busy: AtomicUsize::new(busy), rest: Notify::new() }
    }

    /// One of them is done, or begins to wait for long.
    pub(crate) fn leave(&self) {
        if self.busy.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.rest.notify_waiters();
        }
    }

    /// One that waited goes on.
    pub(crate) fn go_on(&self) {
        self.busy.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits until none of them has anything to do.
    pub(crate) async fn rest(&self) {
        let rest = self.rest.notified();
        if self.busy.load(Ordering::Relaxed) > 0 {
            rest.await;
        }
    }
}
