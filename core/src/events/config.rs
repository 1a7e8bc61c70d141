use std::{collections::BTreeMap, time::Duration};

use smol_str::SmolStr;

use crate::{
    backoff::Backoff,
    inbox::FailurePolicy,
    settings::{Checks, InvalidSetting},
};

/// Reach of an event that a subscriber has parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenParked {
    /// Later events of its stream wait behind it; other streams go on.
    BlockStream,
    /// The subscriber stands still until the event is redriven or discarded: for a projection that joins streams, and would
    /// be wrong without it.
    BlockSubscriber,
}

/// Configuration of a [`Subscriber`](super::Subscriber).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubscriberConfig {
    /// Number of events that are read at a time. Default 64: some tens of kilobytes.
    pub page: usize,
    /// Largest number of events whose effects are one transaction, with the one move of the checkpoint past them. Default 16:
    /// catching up costs a sixteenth of the commits. Events of a transaction that fails are handled again one by one. 1 where
    /// effects of several streams should not wait for each other's locks.
    pub batch: usize,
    /// Wait for new events. Default 50 ms to 1 s, the longer the longer there were none; a [hint](super::Subscriber::wake)
    /// ends it.
    pub poll: Backoff,
    /// Number of failures of its handler at which an event is parked. Default 5.
    pub max_failures: u32,
    /// Wait after a failure of a handler, for which the subscriber stands at the event: streams are told apart only once it is
    /// parked. Default 50 ms to 1 s, so that five failures take less than a second.
    pub backoff: Backoff,
    /// Policies for failures that a handler gives a kind of their own
    /// ([`HandlerError::Failed`](crate::inbox::HandlerError::Failed)). Default none: then they are failures like any other.
    pub failures: BTreeMap<SmolStr, FailurePolicy>,
    /// Number of failures at which an event is parked that its handler has postponed
    /// ([`HandlerError::Postponed`](crate::inbox::HandlerError::Postponed)) once more. Default 10. The subscriber waits for as
    /// long as it is postponed each time.
    pub max_postponed: u32,
    /// Number of failures at which an event is parked although it was the store that failed, in the midst of its handling.
    /// Default 10; an outage of the store is never counted.
    pub max_store_failures: u32,
    /// Time that a handler has for one event, within its transaction. Default 10 s.
    pub handler_limit: Duration,
    /// Number of times that a transaction which met a conflict or an unknown outcome is tried again at once, on a fresh
    /// snapshot, before that counts as a failure. Default 3.
    pub store_retries: u32,
    /// Wait while the store can't be reached. Default 50 ms to 5 s.
    pub store_backoff: Backoff,
    /// Time that the store may take for one transaction, beside what its handlers may take, or to read a page. Default 30 s:
    /// longer than a transaction waits for the one writer of a store.
    pub store_limit: Duration,
    /// Reach of an event that is parked. Default [`WhenParked::BlockStream`].
    pub when_parked: WhenParked,
}

impl Default for SubscriberConfig {
    fn default() -> Self {
        Self {
            page: 64,
            batch: 16,
            poll: Backoff::new(Duration::from_millis(50), Duration::from_secs(1)),
            max_failures: 5,
            backoff: Backoff::new(Duration::from_millis(50), Duration::from_secs(1)),
            failures: BTreeMap::new(),
            max_postponed: 10,
            max_store_failures: 10,
            handler_limit: Duration::from_secs(10),
            store_retries: 3,
            store_backoff: Backoff::new(Duration::from_millis(50), Duration::from_secs(5)),
            store_limit: Duration::from_secs(30),
            when_parked: WhenParked::BlockStream,
        }
    }
}

impl SubscriberConfig {
    /// Checks that these settings can work. [`Subscriber::run`](super::Subscriber::run) asks when it begins.
    ///
    /// # Errors
    /// The first [`InvalidSetting`], which says what to change.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        let checks = Checks::new("SubscriberConfig");
        checks.positive("page", self.page, "a subscriber that reads no events handles none")?;
        checks.positive("batch", self.batch, "a subscriber that handles no events gets nowhere")?;
        let reason = "every event would be parked at its first failure";
        checks.positive("max_failures", self.max_failures, reason)?;
        checks.positive("max_postponed", self.max_postponed, reason)?;
        checks.positive("max_store_failures", self.max_store_failures, reason)?;
        for policy in self.failures.values() {
            checks.positive("failures", policy.max_failures, reason)?;
            policy.backoff.check(checks, "failures")?;
        }
        checks.lasting("handler_limit", self.handler_limit, "no handler would ever be done in time")?;
        checks.lasting("store_limit", self.store_limit, "no call of the store could ever succeed")?;
        self.poll.check(checks, "poll")?;
        self.backoff.check(checks, "backoff")?;
        self.store_backoff.check(checks, "store_backoff")
    }

    /// The number of failures that no event survives, whatever they are.
    pub(super) fn failures_max(&self) -> u32 {
        let policies = self.failures.values().map(|policy| policy.max_failures);
        policies.chain([self.max_postponed, self.max_store_failures]).fold(self.max_failures, u32::max)
    }

    /// Sets the number of events that are read at a time.
    #[must_use]
    pub fn page(mut self, page: usize) -> Self {
        self.page = page;
        self
    }

    /// Sets the largest number of events whose effects are one transaction.
    #[must_use]
    pub fn batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Sets the wait for new events.
    #[must_use]
    pub fn poll(mut self, poll: Backoff) -> Self {
        self.poll = poll;
        self
    }

    /// Sets the number of failures of its handler at which an event is parked.
    #[must_use]
    pub fn max_failures(mut self, max_failures: u32) -> Self {
        self.max_failures = max_failures;
        self
    }

    /// Sets the wait after a failure of a handler.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Sets the policy for failures of a kind, by the name that handlers give it.
    #[must_use]
    pub fn on_failure(mut self, kind: impl Into<SmolStr>, policy: FailurePolicy) -> Self {
        self.failures.insert(kind.into(), policy);
        self
    }

    /// Sets the number of failures at which an event is parked that is postponed each time.
    #[must_use]
    pub fn max_postponed(mut self, max_postponed: u32) -> Self {
        self.max_postponed = max_postponed;
        self
    }

    /// Sets the number of failures of the store at which an event is parked.
    #[must_use]
    pub fn max_store_failures(mut self, max_store_failures: u32) -> Self {
        self.max_store_failures = max_store_failures;
        self
    }

    /// Sets the time that a handler has for one event.
    #[must_use]
    pub fn handler_limit(mut self, handler_limit: Duration) -> Self {
        self.handler_limit = handler_limit;
        self
    }

    /// Sets the number of times that a transaction is tried again at once after a conflict or an unknown outcome.
    #[must_use]
    pub fn store_retries(mut self, store_retries: u32) -> Self {
        self.store_retries = store_retries;
        self
    }

    /// Sets the wait while the store can't be reached.
    #[must_use]
    pub fn store_backoff(mut self, store_backoff: Backoff) -> Self {
        self.store_backoff = store_backoff;
        self
    }

    /// Sets the time that the store may take for one transaction, beside what its handlers may take.
    #[must_use]
    pub fn store_limit(mut self, store_limit: Duration) -> Self {
        self.store_limit = store_limit;
        self
    }

    /// Sets the reach of an event that is parked.
    #[must_use]
    pub fn when_parked(mut self, when_parked: WhenParked) -> Self {
        self.when_parked = when_parked;
        self
    }
}
