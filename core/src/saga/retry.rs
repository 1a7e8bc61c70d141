use std::time::Duration;

use crate::{
    backoff::Backoff,
    ports::Random,
    settings::{Checks, InvalidSetting},
};

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
    /// waits for an operator. `None`, the default: as often as [`local_attempts_max`](Self::local_attempts_max) says where it
    /// asks nobody else, and without end where it does, since a participant may be down for days, and giving up is a decision
    /// for people.
    pub attempts_max: Option<u32>,
    /// The same for a step, or a compensation, that asks nobody else, unless [`attempts_max`](Self::attempts_max) says
    /// otherwise; and whatever that says, for the attempts of one that does ask in which somebody has agreed and our own part failed. 500: with the default delays four hours, longer than any hiccup of a store that works for all others, and what
    /// conflicts or fails until then is a mistake that only people can find. `None`: never.
    pub local_attempts_max: Option<u32>,
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
    /// Checks that steps can work by this policy. A definition asks when it is built.
    ///
    /// # Errors
    /// The first [`InvalidSetting`], which says what to change.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        let checks = Checks::new("RetryPolicy");
        checks.lasting("base", self.base, "a step that fails would be tried again without rest")?;
        let cure =
            format_args!("no delay is longer than that, and the first is {:?}, so set a cap no shorter", self.base);
        checks.hold(self.base <= self.cap, "cap", format_args!("{:?}", self.cap), cure)?;
        let reason = "a step would be given up before its first attempt; None never gives it up";
        checks.positive("attempts_max", self.attempts_max.unwrap_or(1), reason)?;
        checks.positive("local_attempts_max", self.local_attempts_max.unwrap_or(1), reason)?;
        checks.lasting("attempt_limit", self.attempt_limit, "no attempt could ever be done in time")?;
        checks.positive("crashes_max", self.crashes_max, "a step would be given up before its first attempt")
    }

    pub(crate) const DEFAULT: Self = Self {
        base: Duration::from_millis(100),
        cap: Duration::from_secs(30),
        attempts_max: None,
        local_attempts_max: Some(500),
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

    /// Sets the number of attempts that may fail of a step, or a compensation, that asks nobody else, unless
    /// [`attempts_max`](Self::attempts_max) says otherwise, and in our own part of one of which whoever was asked has agreed.
    #[must_use]
    pub fn local_attempts_max(mut self, local_attempts_max: Option<u32>) -> Self {
        self.local_attempts_max = local_attempts_max;
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

    /// Returns `true` if a step has used up its attempts. `asks`: it asks somebody else.
    pub(crate) fn is_exhausted(&self, spent: u32, asks: bool) -> bool {
        let limit = self.attempts_max.or(self.local_attempts_max.filter(|_| !asks));
        limit.is_some_and(|limit| spent >= limit)
    }

    /// Returns `true` if our own part of a step has failed too often after whoever was asked had agreed. A doubt has no other budget.
    pub(crate) fn is_own_part_exhausted(&self, failures: u32) -> bool {
        self.local_attempts_max.is_some_and(|limit| failures >= limit)
    }
}
