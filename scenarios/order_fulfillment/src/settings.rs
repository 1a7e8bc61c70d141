use std::time::Duration;

use seaworthy_core::{backoff::Backoff, inbox::ConsumerConfig, outbox::RelayConfig, saga::OrchestratorConfig};

/// Settings of the two services: intervals, leases and retention.
///
/// Hints make the usual case immediate, so looking is for what a crash left behind: soon after a boot, rarely at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// Wait of a relay that found nothing to publish. 1 s to 5 min: a shop that is open for months makes few idle
    /// polls, and a row that a crash left behind is found by the boot that follows it.
    pub relay_poll: Backoff,
    /// Duration of a relay's claim. 30 s: much longer than a publish takes.
    pub relay_lease: Duration,
    /// Number of claims after which a message that came to nothing goes alone, and number after which it is given up: as
    /// the relay has them, 10 and 30.
    pub relay_claims: (u32, u32),
    /// Duration for which a saga is owned without a sign of life. 10 s: longer than a pause that is no crash.
    pub saga_lease: Duration,
    /// Wait of a recovery that found nothing to recover. 1 s to 5 min, for the same reasons.
    pub recovery_poll: Backoff,
    /// Time in which the broker may deliver a message again: 10 min, dead-letter replays included.
    pub redelivery_window: Duration,
    /// Time for which inbox rows are kept: 15 min, longer than the broker's redelivery window.
    pub keep_inbox: Duration,
    /// Time for which a watermark is kept after inbox rows of its key were deleted: 30 days, beyond what anybody replays.
    pub keep_watermarks: Duration,
    /// Time for which dispatched outbox rows and the logs of ended sagas are kept: 1 min, just long enough to look at.
    pub keep: Duration,
    /// Time for which a checkout that has ended keeps the id of its order taken: 30 days, longer than any caller asks again.
    pub keep_sagas: Duration,
    /// Pause between two looks for dead letters that an operator asks for. None, the default, never looks: it is for a service
    /// that somebody operates.
    pub redrive_requests: Option<Duration>,
    /// Wait between two sweeps of what is kept no longer. 30 s after a boot, growing to 6 h.
    pub sweep: Backoff,
    /// Largest number of rows that one sweep deletes in one transaction. 1,000: milliseconds.
    pub sweep_batch: usize,
}

impl Default for Settings {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        Self {
            relay_poll: Backoff::new(Duration::from_secs(1), minutes(5)),
            relay_lease: Duration::from_secs(30),
            relay_claims: (10, 30),
            saga_lease: Duration::from_secs(10),
            recovery_poll: Backoff::new(Duration::from_secs(1), minutes(5)),
            redelivery_window: minutes(10),
            keep_inbox: minutes(15),
            keep_watermarks: minutes(30 * 24 * 60),
            keep: minutes(1),
            keep_sagas: minutes(30 * 24 * 60),
            redrive_requests: None,
            sweep: Backoff::new(Duration::from_secs(30), minutes(360)),
            sweep_batch: 1_000,
        }
    }
}

impl Settings {
    /// Sets the wait of a relay that found nothing to publish.
    #[must_use]
    pub fn relay_poll(mut self, relay_poll: Backoff) -> Self {
        self.relay_poll = relay_poll;
        self
    }

    /// Sets the duration of a relay's claim.
    #[must_use]
    pub fn relay_lease(mut self, relay_lease: Duration) -> Self {
        self.relay_lease = relay_lease;
        self
    }

    /// Sets the number of claims after which a message that came to nothing goes alone, and that after which it is given up.
    #[must_use]
    pub fn relay_claims(mut self, alone: u32, given_up: u32) -> Self {
        self.relay_claims = (alone, given_up);
        self
    }

    /// Sets the duration for which a saga is owned without a sign of life.
    #[must_use]
    pub fn saga_lease(mut self, saga_lease: Duration) -> Self {
        self.saga_lease = saga_lease;
        self
    }

    /// Sets the wait of a recovery that found nothing to recover.
    #[must_use]
    pub fn recovery_poll(mut self, recovery_poll: Backoff) -> Self {
        self.recovery_poll = recovery_poll;
        self
    }

    /// Sets the time in which the broker may deliver a message again.
    #[must_use]
    pub fn redelivery_window(mut self, redelivery_window: Duration) -> Self {
        self.redelivery_window = redelivery_window;
        self
    }

    /// Sets the time for which inbox rows are kept; longer than the redelivery window.
    #[must_use]
    pub fn keep_inbox(mut self, keep_inbox: Duration) -> Self {
        self.keep_inbox = keep_inbox;
        self
    }

    /// Sets the time for which a watermark is kept after inbox rows of its key were deleted.
    #[must_use]
    pub fn keep_watermarks(mut self, keep_watermarks: Duration) -> Self {
        self.keep_watermarks = keep_watermarks;
        self
    }

    /// Sets the time for which dispatched outbox rows and the logs of ended sagas are kept.
    #[must_use]
    pub fn keep(mut self, keep: Duration) -> Self {
        self.keep = keep;
        self
    }

    /// Sets the time for which a checkout that has ended keeps the id of its order taken.
    #[must_use]
    pub fn keep_sagas(mut self, keep_sagas: Duration) -> Self {
        self.keep_sagas = keep_sagas;
        self
    }

    /// Looks for dead letters that an operator asks for, with such pauses.
    #[must_use]
    pub fn redrive_requests(mut self, every: Duration) -> Self {
        self.redrive_requests = Some(every);
        self
    }

    /// A consumer's settings.
    pub fn consumer<const N: usize>(&self, topics: [&'static str; N]) -> ConsumerConfig {
        let mut config = ConsumerConfig::new(topics);
        config.redrive_requests = self.redrive_requests;
        config
    }

    /// Sets the wait between two sweeps of what is kept no longer.
    #[must_use]
    pub fn sweep(mut self, sweep: Backoff) -> Self {
        self.sweep = sweep;
        self
    }

    /// Sets the largest number of rows that one sweep deletes in one transaction.
    #[must_use]
    pub fn sweep_batch(mut self, sweep_batch: usize) -> Self {
        self.sweep_batch = sweep_batch;
        self
    }

    /// The relay's settings.
    pub fn relay(&self) -> RelayConfig {
        let (alone, given_up) = self.relay_claims;
        let config = RelayConfig::default().poll(self.relay_poll).lease(self.relay_lease);
        config.max_attempts(alone).bury_after_claims(Some(given_up))
    }

    /// The orchestrator's settings.
    pub fn orchestrator(&self) -> OrchestratorConfig {
        OrchestratorConfig::default().poll(self.recovery_poll).lease(self.saga_lease)
    }
}
