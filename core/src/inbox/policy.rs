use std::time::Duration;

use crate::{
    backoff::Backoff,
    settings::{Checks, InvalidSetting},
};

/// Policy for failures of one kind: how often a message that fails so is handled again, and after which pauses.
///
/// A message has one count of failures, whatever their kinds are. The kind of each failure says whether this count is too
/// much by now.
///
/// The pattern is that of exception filters in MassTransit's retries and of NServiceBus's custom recoverability.
///
/// ```
/// use std::time::Duration;
/// use seaworthy_core::{backoff::Backoff, inbox::{ConsumerConfig, FailurePolicy}};
///
/// let patient = FailurePolicy::new(30, Backoff::new(Duration::from_secs(1), Duration::from_secs(600)));
/// let config = ConsumerConfig::new(["orders"])
///     .on_failure("carrier is closed", patient)
///     .on_failure("no such customer", FailurePolicy::never());
/// assert_eq!(config.check(), Ok(()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailurePolicy {
    /// Number of failures at which the message becomes a dead letter.
    pub max_failures: u32,
    /// Delay of the message after a failure.
    pub backoff: Backoff,
}

impl FailurePolicy {
    /// Tries again until there were `max_failures`, each time after the backoff.
    pub const fn new(max_failures: u32, backoff: Backoff) -> Self {
        Self { max_failures, backoff }
    }

    /// Makes the message a dead letter at the first such failure.
    pub const fn never() -> Self {
        // No delay of it is ever asked for.
        Self { max_failures: 1, backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(1)) }
    }

    pub(super) fn check(&self, checks: Checks) -> Result<(), InvalidSetting> {
        let reason = "FailurePolicy::never() gives a message up at its first failure";
        checks.positive("failures", self.max_failures, reason)?;
        self.backoff.check(checks, "failures")
    }
}
