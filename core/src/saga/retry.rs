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
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { base: Duration::from_millis(100), cap: Duration::from_secs(30), attempts_max: None }
    }
}

impl RetryPolicy {
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

    /// Returns the delay of the next attempt after `failures` earlier ones; jitter is drawn from the process's
    /// randomness.
    pub(crate) fn delay(&self, failures: u32, random: &dyn Random) -> Duration {
        Backoff::new(self.base, self.cap).delay(failures, random)
    }

    pub(crate) fn is_exhausted(&self, spent: u32) -> bool {
        self.attempts_max.is_some_and(|limit| spent >= limit)
    }
}
