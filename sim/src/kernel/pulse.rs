use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::waits::Waits;

/// Activity of an incarnation, as it can be seen from outside. A run keeps to one thread: plain loads and stores are
/// enough, and cost nothing.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    /// Moments of its clock that it waits for, with something in memory that it may do then.
    pub(crate) sleeps: Waits,
    /// Port calls between their entry and their end: on their way there, held up by the plan, at work in a store, on their
    /// way back. One that waits for a request or a delivery which is not there is none.
    pub(crate) calls: Waits,
    polls: AtomicU64,
    listening: AtomicU32,
}

impl Pulse {
    /// Returns `true` if all that was under way or waited for when the round began has ended.
    pub(crate) fn round_is_over(&self) -> bool {
        self.sleeps.round_is_over() && self.calls.round_is_over()
    }

    /// Begins the next round.
    pub(crate) fn next_round(&self) {
        self.sleeps.next_round();
        self.calls.next_round();
    }

    /// One of its tasks is polled.
    pub(crate) fn polled(&self) {
        self.polls.store(self.polls() + 1, Ordering::Relaxed);
    }

    /// Returns the number of polls of its tasks.
    pub(crate) fn polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }

    /// Returns `true` if one of its tasks waits for a request.
    pub(crate) fn is_listening(&self) -> bool {
        self.listening.load(Ordering::Relaxed) > 0
    }
}

/// While it lives, a task waits for a request.
pub(crate) struct Listening<'a>(&'a Pulse);

impl<'a> Listening<'a> {
    pub(crate) fn new(pulse: &'a Pulse) -> Self {
        pulse.listening.store(pulse.listening.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        Self(pulse)
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.0.listening.store(self.0.listening.load(Ordering::Relaxed).saturating_sub(1), Ordering::Relaxed);
    }
}
