use std::time::Duration;

use crate::ports::Random;

/// How a step is tried again: `[0.5, 1.5] x min(base x 2^n, cap)`.
///
/// ```
/// use std::time::Duration;
/// use seaworthy_core::saga::RetryPolicy;
///
/// let policy = RetryPolicy { attempts_max: Some(5), ..RetryPolicy::default() };
/// assert_eq!(policy.base, Duration::from_millis(100));
/// assert_eq!(policy.delay_of(2, 0.5), Duration::from_millis(400));
/// assert_eq!(policy.delay_of(60, 0.5), policy.cap);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The delay after the first failure. 100 ms: longer than a hiccup, shorter than a person's patience.
    pub base: Duration,
    /// No delay is longer than one and a half of this. 30 s: an outage that ends is noticed soon after.
    pub cap: Duration,
    /// How many attempts may fail for the step's own fault before it is given up: then the saga is stuck and waits for
    /// an operator. `None`, the default: never, since giving up is a decision for people.
    pub attempts_max: Option<u32>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { base: Duration::from_millis(100), cap: Duration::from_secs(30), attempts_max: None }
    }
}

impl RetryPolicy {
    /// The delay after `failures` earlier ones, for a draw from `0.0..1.0`.
    pub fn delay_of(&self, failures: u32, draw: f64) -> Duration {
        let doubled = self.base.saturating_mul(1_u32 << failures.min(30));
        doubled.min(self.cap).mul_f64(0.5 + draw)
    }

    pub(crate) fn delay(&self, failures: u32, random: &dyn Random) -> Duration {
        self.delay_of(failures, random.next_unit())
    }

    pub(crate) fn is_exhausted(&self, spent: u32) -> bool {
        self.attempts_max.is_some_and(|limit| spent >= limit)
    }
}
