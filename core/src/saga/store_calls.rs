//! Calls of the store that a saga waits for: whether one of them does not return.

use std::sync::atomic::{AtomicU32, Ordering};

/// Number of turns that are told apart.
const TURNS: usize = 4;

/// The open calls of one saga, counted by the turn in which they began: to begin one costs no timer and no look at a clock.
/// Whoever renews the saga's lease begins a turn now and then.
#[derive(Debug, Default)]
pub(crate) struct StoreCalls {
    turn: AtomicU32,
    open: [AtomicU32; TURNS],
}

/// An open call, until it is dropped.
pub(crate) struct StoreCall<'a>(&'a AtomicU32);

impl StoreCalls {
    /// A call begins.
    pub(crate) fn open(&self) -> StoreCall<'_> {
        let open = &self.open[self.turn.load(Ordering::Relaxed) as usize % TURNS];
        open.fetch_add(1, Ordering::Relaxed);
        StoreCall(open)
    }

    /// Begins the next turn. Returns `true` if a call is open that has been so for two whole turns.
    pub(crate) fn turn(&self) -> bool {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed).wrapping_add(1) as usize;
        // The turn three before it: those that began in it have seen two more begin and end.
        self.open[(turn + TURNS - 3) % TURNS].load(Ordering::Relaxed) > 0
    }
}

impl Drop for StoreCall<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_is_open_for_two_whole_turns_is_found_and_no_other() {
        for begun in 0..9 {
            let calls = StoreCalls::default();
            (0..begun).for_each(|_| assert!(!calls.turn()));
            let hangs = calls.open();
            for _ in 0..2 {
                // Others come and go meanwhile, in each turn and from one to the next.
                let other = calls.open();
                assert!(!calls.turn());
                drop((other, calls.open()));
            }
            assert!(calls.turn());
            drop(hangs);
            (0..9).for_each(|_| assert!(!calls.turn()));
        }
    }
}
