use std::time::Duration;

use seaworthy_core::settings::{Checks, InvalidSetting};

/// Fate of a message to whose topic no group is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unroutable {
    /// It is kept for the first group that binds the topic, as a log-based broker does.
    Keep,
    /// It is not accepted until a group is bound, as by a producer that waits for its consumers.
    Wait,
    /// It is refused for good, as an exchange with the mandatory flag does.
    Reject,
}

/// Settings of a [`MemoryBroker`](super::MemoryBroker).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokerConfig {
    /// Time that a delivery may stay unacknowledged before it is delivered again.
    pub visibility_timeout: Duration,
    /// Fate of a message to whose topic no group is bound.
    pub unroutable: Unroutable,
    /// Number of messages that one group may leave unacknowledged before the broker takes no more for it.
    pub unacknowledged_max: usize,
    /// Size in bytes of the messages that one group may leave unacknowledged before the broker takes no more for it.
    pub unacknowledged_bytes_max: usize,
    /// The largest payload that is accepted, in bytes; a larger one is refused for good.
    pub payload_bytes_max: usize,
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self {
            // Long against a handler's work and short against a run's virtual time.
            visibility_timeout: Duration::from_secs(5),
            // Nothing is lost where a publisher is up before its first subscriber.
            unroutable: Unroutable::Keep,
            // A consumer that stands still is noticed before memory runs out.
            unacknowledged_max: 1_000_000,
            // A group that stands still takes no more than a small machine has.
            unacknowledged_bytes_max: 256 * 1024 * 1024,
            // What common brokers allow out of the box.
            payload_bytes_max: 1024 * 1024,
        }
    }
}

impl BrokerConfig {
    /// Checks that a broker can work by these settings. Call it where they come from outside.
    ///
    /// # Errors
    /// The first [`InvalidSetting`], which says what to change.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        let checks = Checks::new("BrokerConfig");
        let reason = "each delivery would come again before anybody could acknowledge it";
        checks.lasting("visibility_timeout", self.visibility_timeout, reason)?;
        checks.positive("unacknowledged_max", self.unacknowledged_max, "no message would be taken for any group")?;
        let reason = "a group would take one message at a time";
        checks.positive("unacknowledged_bytes_max", self.unacknowledged_bytes_max, reason)?;
        checks.positive("payload_bytes_max", self.payload_bytes_max, "every message with a payload would be refused")
    }

    /// Sets the time that a delivery may stay unacknowledged before it is delivered again.
    #[must_use]
    pub fn visibility_timeout(mut self, visibility_timeout: Duration) -> Self {
        self.visibility_timeout = visibility_timeout;
        self
    }

    /// Sets the fate of a message to whose topic no group is bound.
    #[must_use]
    pub fn unroutable(mut self, unroutable: Unroutable) -> Self {
        self.unroutable = unroutable;
        self
    }

    /// Sets the number of messages that one group may leave unacknowledged before the broker takes no more for it.
    #[must_use]
    pub fn unacknowledged_max(mut self, unacknowledged_max: usize) -> Self {
        self.unacknowledged_max = unacknowledged_max;
        self
    }

    /// Sets the size of the messages that one group may leave unacknowledged before the broker takes no more for it.
    #[must_use]
    pub fn unacknowledged_bytes_max(mut self, unacknowledged_bytes_max: usize) -> Self {
        self.unacknowledged_bytes_max = unacknowledged_bytes_max;
        self
    }

    /// Sets the largest payload that is accepted, in bytes; a larger one is refused for good.
    #[must_use]
    pub fn payload_bytes_max(mut self, payload_bytes_max: usize) -> Self {
        self.payload_bytes_max = payload_bytes_max;
        self
    }
}
