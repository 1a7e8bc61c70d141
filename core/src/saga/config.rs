use std::time::Duration;

use crate::{
    backoff::Backoff,
    settings::{Checks, InvalidSetting},
};

/// Configuration of an orchestrator.
///
/// ```
/// use std::time::Duration;
/// use seaworthy_core::saga::OrchestratorConfig;
/// let config = OrchestratorConfig::default().lease(Duration::from_secs(30));
/// assert_eq!(config.concurrency, 256);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrchestratorConfig {
    /// Duration for which a saga is owned without a sign of life from its owner. 10 s: longer than a pause of the
    /// process that is no crash, shorter than a customer's patience. It is renewed at a third of it.
    pub lease: Duration,
    /// Interval at which recovery looks for sagas that nobody owns: `base` after a boot, after it found one and after
    /// this process let go of one, growing to `cap` at rest. 1 s to 5 s: an index scan that finds nothing costs little,
    /// and a replica that crashed is missed for no longer than that beyond its lease.
    pub poll: Backoff,
    /// Number of sagas that this process drives at once. 256: each is a task and some hundred bytes.
    pub concurrency: usize,
    /// Number of sagas that recovery takes over in one transaction. 32: short enough not to hold rows for long.
    pub batch: usize,
    /// Longest delay for which a saga waits in memory; for longer ones it is given up, and any replica goes on when it is
    /// due. 1 s: cheaper than a takeover. Must be shorter than the lease.
    pub wait_in_memory: Duration,
    /// Number of times in a row that the store may fail a saga before its executor stops and leaves it to recovery. 8:
    /// with the delays between, some seconds.
    pub store_failures_max: u32,
    /// Number of times in a row that the store may have a process leave a saga, although it answers otherwise, before the saga
    /// is stuck and waits for an operator. 20: some minutes, and beyond what a store that is overloaded does to one saga.
    pub interruptions_max: u32,
    /// Number of log entries that are read at once. 64: more than most sagas ever have.
    pub log_page: usize,
    /// Number of log entries beyond which a saga's log is condensed into one entry that says what they came to. 256: more
    /// than any saga has that does not wait for days.
    pub log_entries_max: usize,
    /// Time that the store may take for one call of a saga, of recovery or of an operator's verb, and for the transaction of a
    /// start or a signal. Default 30 s: longer than a transaction waits for the one writer of a store. A saga whose call has not returned is left to recovery; that is looked at when its lease is
    /// renewed, so it may take half as long again, and no less than two or three renewals.
    pub store_limit: Duration,
    /// Time for which a saga of a version that this process does not know is left to others at first, during a rolling
    /// deployment; it grows with the time for which nobody took the saga up. 5 s.
    pub newer_version_delay: Duration,
    /// Time for which such a saga may be left before an operator is told of it, and told again. 1 h: longer than a
    /// rolling deployment takes, and a replica that knows the version finds a saga within seconds.
    pub newer_version_patience: Duration,
    /// Interval at which a [handle](super::SagaHandle) looks for the end of a saga that another process drives. 50 ms to
    /// 5 s: somebody may be waiting for the answer, and most sagas end within seconds.
    pub outcome_poll: Backoff,
}

impl Default for OrchestratorConfig {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(10),
            poll: Backoff::new(Duration::from_secs(1), Duration::from_secs(5)),
            concurrency: 256,
            batch: 32,
            wait_in_memory: Duration::from_secs(1),
            store_failures_max: 8,
            interruptions_max: 20,
            log_page: 64,
            log_entries_max: 256,
            store_limit: Duration::from_secs(30),
            newer_version_delay: Duration::from_secs(5),
            newer_version_patience: Duration::from_secs(3_600),
            outcome_poll: Backoff::new(Duration::from_millis(50), Duration::from_secs(5)),
        }
    }
}

impl OrchestratorConfig {
    /// Checks that an orchestrator can work by these settings. Call it where they come from outside;
    /// [`run_recovery`](super::Orchestrator::run_recovery) asks when it begins, and ends at once where they can't.
    ///
    /// # Errors
    /// The first [`InvalidSetting`], which says what to change.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        let checks = Checks::new("OrchestratorConfig");
        checks.lasting("lease", self.lease, "a saga that is owned for no time is driven by every process at once")?;
        checks.positive("concurrency", self.concurrency, "a process that drives no sagas recovers none")?;
        checks.positive("batch", self.batch, "recovery that takes over nothing recovers nothing")?;
        checks.positive(
            "interruptions_max",
            self.interruptions_max,
            "each failure of the store would make a saga stuck",
        )?;
        checks.positive("log_page", self.log_page, "a log that is read by no entries at a time is never read")?;
        checks.positive("log_entries_max", self.log_entries_max, "a log without entries says nothing")?;
        checks.lasting("store_limit", self.store_limit, "no call of the store could ever succeed")?;
        let reason = "an operator would be told of each saga of another version each time";
        checks.lasting("newer_version_patience", self.newer_version_patience, reason)?;
        checks.lasting("newer_version_delay", self.newer_version_delay, "sagas of another version would never rest")?;
        checks.hold(
            self.wait_in_memory < self.lease,
            "wait_in_memory",
            format_args!("{:?}", self.wait_in_memory),
            format_args!("a saga is owned for {:?} without a sign of life, so wait for less than that", self.lease),
        )?;
        self.poll.check(checks, "poll")?;
        self.outcome_poll.check(checks, "outcome_poll")
    }

    /// Sets the duration for which a saga is owned without a sign of life from its owner.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Sets the interval at which recovery looks for sagas that nobody owns: `base` after a boot, after it found one
    /// and after this process let go of one, growing to `cap` at rest.
    #[must_use]
    pub fn poll(mut self, poll: Backoff) -> Self {
        self.poll = poll;
        self
    }

    /// Sets the number of sagas that this process drives at once.
    #[must_use]
    pub fn concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// Sets the number of sagas that recovery takes over in one transaction.
    #[must_use]
    pub fn batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Sets the longest delay for which a saga waits in memory; for longer ones it is given up, and any replica goes on
    /// when it is due.
    #[must_use]
    pub fn wait_in_memory(mut self, wait_in_memory: Duration) -> Self {
        self.wait_in_memory = wait_in_memory;
        self
    }

    /// Sets the number of times in a row that the store may fail a saga before its executor stops and leaves it to
    /// recovery.
    #[must_use]
    pub fn store_failures_max(mut self, store_failures_max: u32) -> Self {
        self.store_failures_max = store_failures_max;
        self
    }

    /// Sets the number of times in a row that the store may have a process leave a saga, although it answers otherwise, before
    /// the saga is stuck.
    #[must_use]
    pub fn interruptions_max(mut self, interruptions_max: u32) -> Self {
        self.interruptions_max = interruptions_max;
        self
    }

    /// Sets the number of log entries that are read at once.
    #[must_use]
    pub fn log_page(mut self, log_page: usize) -> Self {
        self.log_page = log_page;
        self
    }

    /// Sets the number of log entries beyond which a saga's log is condensed.
    #[must_use]
    pub fn log_entries_max(mut self, log_entries_max: usize) -> Self {
        self.log_entries_max = log_entries_max;
        self
    }

    /// Sets the time that the store may take for one call of a saga, or of recovery.
    #[must_use]
    pub fn store_limit(mut self, store_limit: Duration) -> Self {
        self.store_limit = store_limit;
        self
    }

    /// Sets the time for which a saga of a version that this process does not know is left to others at first.
    #[must_use]
    pub fn newer_version_delay(mut self, newer_version_delay: Duration) -> Self {
        self.newer_version_delay = newer_version_delay;
        self
    }

    /// Sets the interval at which a [handle](super::SagaHandle) looks for the end of a saga that another process drives.
    #[must_use]
    pub fn outcome_poll(mut self, outcome_poll: Backoff) -> Self {
        self.outcome_poll = outcome_poll;
        self
    }

    /// Sets the time for which such a saga may be left before an operator is told of it.
    #[must_use]
    pub fn newer_version_patience(mut self, newer_version_patience: Duration) -> Self {
        self.newer_version_patience = newer_version_patience;
        self
    }
}
