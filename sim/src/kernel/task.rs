//! Task that is being polled, so that the trace can say whose doing an event is.

use std::cell::Cell;

use crate::trace::ProcessIndex;

/// A task of an incarnation of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Whose {
    pub(crate) process: ProcessIndex,
    pub(crate) incarnation: u32,
    pub(crate) task: u32,
}

/// Outside of the tasks of processes.
const NOBODY: Whose = Whose { process: ProcessIndex::WORLD, incarnation: 0, task: 0 };

thread_local! {
    static CURRENT: Cell<Whose> = const { Cell::new(NOBODY) };
}

/// The number of the task that is being polled in this thread; 0 outside of the tasks of processes.
pub(crate) fn current() -> u32 {
    CURRENT.get().task
}

/// Returns whose task is being polled in this thread, if it is one of a process.
pub(crate) fn whose() -> Option<Whose> {
    Some(CURRENT.get()).filter(|whose| whose.task > 0)
}

/// Makes a task the current one until this is dropped.
pub(crate) struct Polling {
    before: Whose,
}

impl Polling {
    pub(crate) fn new(process: ProcessIndex, incarnation: u32, task: u32) -> Self {
        Self { before: CURRENT.replace(Whose { process, incarnation, task }) }
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
        let polling = |task| Polling::new(ProcessIndex(3), 1, task);
        let outer = polling(1);
        let panicked = std::panic::catch_unwind(|| {
            let _inner = polling(2);
            assert_eq!(current(), 2);
            assert_eq!(whose().map(|whose| whose.process), Some(ProcessIndex(3)));
            std::panic::resume_unwind(Box::new("silent"));
        });
        assert!(panicked.is_err());
        assert_eq!(current(), 1);
        drop(outer);
        assert_eq!((current(), whose()), (0, None));
    }
}
