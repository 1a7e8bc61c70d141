//! Task that is being polled, so that the trace can say whose doing an event is.

use std::cell::Cell;

thread_local! {
    static CURRENT: Cell<u32> = const { Cell::new(0) };
}

/// The number of the task that is being polled in this thread; 0 outside of the tasks of processes.
pub(crate) fn current() -> u32 {
    CURRENT.get()
}

/// Makes `task` the current one until this is dropped.
pub(crate) struct Polling {
    before: u32,
}

impl Polling {
    pub(crate) fn new(task: u32) -> Self {
        Self { before: CURRENT.replace(task) }
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        CURRENT.set(self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_task_before_is_current_again_after_a_poll_that_panicked_too() {
        let outer = Polling::new(1);
        let panicked = std::panic::catch_unwind(|| {
            let _inner = Polling::new(2);
            assert_eq!(current(), 2);
            std::panic::resume_unwind(Box::new("silent"));
        });
        assert!(panicked.is_err());
        assert_eq!(current(), 1);
        drop(outer);
        assert_eq!(current(), 0);
    }
}
