use std::time::Duration;

use crate::{backoff::Backoff, ports::Random};

/// Retry policy of a step: exponential [`Backoff`] with jitter, and a number of attempts.
///
/// ```
/// use std::time::Duration;
/// use seaworthy_core::saga::RetryPolicy;
///
/// let policy = RetryPolicy::default().attempts_max(Some(5));
/// assert_eq!(policy.base, Duration::from_millis(100));
/// assert_eq!(policy.cap, Duration::from_secs(30));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// The delay after the first failure, before jitter. 100 ms: longer than a hiccup, shorter than a person's patience.
    pub base: Duration,
    /// The longest delay, before jitter. 30 s: an outage that ends is noticed soon after.
    pub cap: Duration,
    /// Number of attempts that may fail for the step's own fault before it is given up: then the saga is stuck and
    /// waits for an operator. `None`, the default: never, since giving up is a decision for people.
    pub attempts_max: Option<u32>,
    /// Time that one attempt may take in one of its parts: asking, and our own transaction. What has not come to its end
    /// by then is dropped, and counts as failed; whether somebody who was asked has done it is unknown then, and is asked
    /// again. 2 min: longer than the time limit of any client, so that only what hangs meets it.
    pub attempt_limit: Duration,
    /// Number of attempts in a row that may end with their process, or in a panic after somebody else was asked, before
    /// the saga is stuck and waits for an operator. 10: a process dies for reasons of its own, too, and hardly ten
    /// times in one place.
    pub crashes_max: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl RetryPolicy {
    pub(crate) const DEFAULT: Self = Self {
        base: Duration::from_millis(100),
        cap: Duration::from_secs(30),
        attempts_max: None,
        attempt_limit: Duration::from_secs(120),
        crashes_max: 10,
    };

    /// Sets the delay after the first failure, before jitter.
    #[must_use]
    pub fn base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// Sets the longest delay, before jitter.
    #[must_use]
    pub fn cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// Sets the number of attempts that may fail for the step's own fault before it is given up: then the saga is stuck
    /// and waits for an operator.
    #[must_use]
    pub fn attempts_max(mut self, attempts_max: Option<u32>) -> Self {
        self.attempts_max = attempts_max;
        self
    }

    /// Sets the time that one attempt may take in one of its parts: asking, and our own transaction.
    #[must_use]
    pub fn attempt_limit(mut self, attempt_limit: Duration) -> Self {
        self.attempt_limit = attempt_limit;
        self
    }

    /// Sets the number of attempts in a row that may end with their process, or in a panic after somebody else was asked,
    /// before the saga is stuck.
    #[must_use]
    pub fn crashes_max(mut self, crashes_max: u32) -> Self {
        self.crashes_max = crashes_max;
        self
    }

    /// Returns the delay of the next attempt after `failures` earlier ones; jitter is drawn from the process's
    /// randomness.
    pub(crate) fn delay(&self, failures: u32, random: &dyn Random) -> Duration {
        Backoff::new(self.base, self.cap).delay(failures, random)
    }

    pub(crate) fn is_exhausted(&self, spent: u32) -> bool {
        self.attempts_max.is_some_and(|limit| spent >= limit)
    }
}
