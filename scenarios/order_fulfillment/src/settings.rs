use std::time::Duration;

use seaworthy_core::{backoff::Backoff, outbox::RelayConfig, saga::OrchestratorConfig};

/// Settings of the two services: intervals, leases and retention.
///
/// Hints make the usual case immediate, so looking is for what a crash left behind: soon after a boot, rarely at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Wait of a relay that found nothing to publish. 1 s to 5 min: a shop that is open for months makes few idle
    /// polls, and a row that a crash left behind is found by the boot that follows it.
    pub relay_poll: Backoff,
    /// Duration of a relay's claim. 30 s: much longer than a publish takes.
    pub relay_lease: Duration,
    /// Duration for which a saga is owned without a sign of life. 10 s: longer than a pause that is no crash.
    pub saga_lease: Duration,
    /// Wait of a recovery that found nothing to recover. 1 s to 5 min, for the same reasons.
    pub recovery_poll: Backoff,
    /// Time in which the broker may deliver a message again: 10 min, dead-letter replays included.
    pub redelivery_window: Duration,
    /// Time for which inbox rows are kept: 15 min, longer than the broker's redelivery window.
    pub keep_inbox: Duration,
    /// Time for which dispatched outbox rows and the logs of ended sagas are kept: 1 min, just long enough to look at.
    pub keep: Duration,
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
            saga_lease: Duration::from_secs(10),
            recovery_poll: Backoff::new(Duration::from_secs(1), minutes(5)),
            redelivery_window: minutes(10),
            keep_inbox: minutes(15),
            keep: minutes(1),
            sweep: Backoff::new(Duration::from_secs(30), minutes(360)),
            sweep_batch: 1_000,
        }
    }
}

impl Settings {
    /// The relay's settings.
    pub fn relay(&self) -> RelayConfig {
        RelayConfig::default().poll(self.relay_poll).lease(self.relay_lease)
    }

    /// The orchestrator's settings.
    pub fn orchestrator(&self) -> OrchestratorConfig {
        OrchestratorConfig::default().poll(self.recovery_poll).lease(self.saga_lease)
    }
}
