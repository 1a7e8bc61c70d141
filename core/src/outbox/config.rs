use std::time::Duration;

use crate::{
    backoff::Backoff,
    ports::{OutboxOrder, WhenDead},
    settings::{Checks, InvalidSetting},
};

/// Configuration of a [`Relay`](super::Relay) or a [`LogRelay`](super::LogRelay).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayConfig {
    /// Largest number of rows that one pass claims. Default 100: a batch publish is one round trip, and a hundred
    /// messages of some kilobytes are sent and settled well within the lease. A [`LogRelay`](super::LogRelay) publishes so many at
    /// a time, and as many one by one after its start.
    pub batch: usize,
    /// Duration of a claim, by the store's clock. Default 30 s: long against a publish, so that a healthy relay never
    /// loses its claim, and short enough to wait for when a relay has crashed.
    pub lease: Duration,
    /// Wait for work when there was none: `base` after the last row, growing to `cap` at rest. Default 10 ms to 500 ms:
    /// a [`Wake`](crate::wake::Wake) makes the usual case immediate, so polling only has to find what other processes
    /// staged and what backed off.
    pub poll: Backoff,
    /// Order within a key. Default [`OutboxOrder::PerKey`].
    pub ordering: OutboxOrder,
    /// Effect of a dead row on later rows of its key. Default [`WhenDead::BlockKey`]: a consumer sees a prefix of the
    /// truth rather than one with a hole.
    pub when_dead: WhenDead,
    /// Delay of a row after a failure of its own. Default 100 ms to 60 s.
    pub backoff: Backoff,
    /// Number of attempts after which a row that keeps failing, or is put off, while others of its topic pass is given up. Default 10:
    /// with the default backoff the nine waits between them are 51 s together, give or take half by jitter. Rows that were claimed
    /// twice before without a result are published last, and half of them at a time; one with more attempts than this goes alone:
    /// so a message which kills its relay soon takes no other with it.
    pub max_attempts: u32,
    /// Number of claims without any result after which a row is buried unpublished; `None` never buries it. Default
    /// 30: a row with more than `max_attempts` goes alone, so by then twenty relays in a row have ended while they had
    /// this one in hand. With the default lease that takes a quarter of an hour. For a [`LogRelay`](super::LogRelay), which claims
    /// nothing, the number of processes that have ended while they had the row in hand.
    pub bury_after_claims: Option<u32>,
    /// Time for which a topic is left alone that can't be reached. Default 100 ms to 10 s: an outage costs at most one
    /// cap of delay when it ends. Also the delay of a single
    /// message that the broker puts off while others of its topic are answered, longer each time.
    pub outage_backoff: Backoff,
    /// Time that one call to the broker may take. Default 20 s: what it leaves is unknown, and is sent again under the
    /// same ids, so it must be longer than any call that may yet succeed. A [`Relay`](super::Relay) waits for two thirds of its
    /// lease at most, so that no other one has the rows by then.
    pub publish_limit: Duration,
    /// Pause of the relay while its store can't be reached. Default 50 ms to 5 s.
    pub store_backoff: Backoff,
    /// Time that one call of the store may take, or the transaction in which a [`LogRelay`](super::LogRelay) stores how far it
    /// came. Default 30 s: longer than a transaction waits for the one writer of a store. What it leaves is unknown: the relay
    /// says so, and goes on after a pause.
    pub store_limit: Duration,
    /// Number of times that settling is tried again before the rows are left to their lease. Default 5: what was
    /// published and can't be settled is published twice, so a short hiccup of the store is worth waiting for.
    pub settle_retries: u32,
}

impl Default for RelayConfig {
    fn default() -> Self {
        Self {
            batch: 100,
            lease: Duration::from_secs(30),
            poll: Backoff::new(Duration::from_millis(10), Duration::from_millis(500)),
            ordering: OutboxOrder::PerKey,
            when_dead: WhenDead::BlockKey,
            backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(60)),
            max_attempts: 10,
            bury_after_claims: Some(30),
            outage_backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(10)),
            publish_limit: Duration::from_secs(20),
            store_backoff: Backoff::new(Duration::from_millis(50), Duration::from_secs(5)),
            store_limit: Duration::from_secs(30),
            settle_retries: 5,
        }
    }
}

impl RelayConfig {
    /// Checks that a relay can work by these settings. Call it where they come from outside; a relay asks when it begins
    /// to run, and ends at once where it can't.
    ///
    /// # Errors
    /// The first [`InvalidSetting`], which says what to change.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        let checks = Checks::new("RelayConfig");
        checks.positive("batch", self.batch, "a relay that claims no rows publishes nothing")?;
        checks.lasting("lease", self.lease, "a claim that ends at once lets two relays publish every row")?;
        checks.lasting("publish_limit", self.publish_limit, "no call to the broker could ever succeed")?;
        checks.positive("max_attempts", self.max_attempts, "every row would be given up at its first failure")?;
        checks.lasting("store_limit", self.store_limit, "no call of the store could ever succeed")?;
        self.poll.check(checks, "poll")?;
        self.backoff.check(checks, "backoff")?;
        self.outage_backoff.check(checks, "outage_backoff")?;
        self.store_backoff.check(checks, "store_backoff")
    }

    /// Sets the largest number of rows that one pass claims.
    #[must_use]
    pub fn batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Sets the duration of a claim, by the store's clock.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Sets the wait for work when there was none: `base` after the last row, growing to `cap` at rest.
    #[must_use]
    pub fn poll(mut self, poll: Backoff) -> Self {
        self.poll = poll;
        self
    }

    /// Sets the order within a key.
    #[must_use]
    pub fn ordering(mut self, ordering: OutboxOrder) -> Self {
        self.ordering = ordering;
        self
    }

    /// Sets the effect of a dead row on later rows of its key.
    #[must_use]
    pub fn when_dead(mut self, when_dead: WhenDead) -> Self {
        self.when_dead = when_dead;
        self
    }

    /// Sets the delay of a row after a failure of its own.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Sets the number of attempts after which a row that keeps failing while others of its topic pass is given up.
    #[must_use]
    pub fn max_attempts(mut self, max_attempts: u32) -> Self {
        self.max_attempts = max_attempts;
        self
    }

    /// Sets the number of claims without any result after which a row is buried unpublished; `None` never buries it.
    #[must_use]
    pub fn bury_after_claims(mut self, bury_after_claims: Option<u32>) -> Self {
        self.bury_after_claims = bury_after_claims;
        self
    }

    /// Sets the time for which a topic is left alone that can't be reached.
    #[must_use]
    pub fn outage_backoff(mut self, outage_backoff: Backoff) -> Self {
        self.outage_backoff = outage_backoff;
        self
    }

    /// Sets the time that one call to the broker may take.
    #[must_use]
    pub fn publish_limit(mut self, publish_limit: Duration) -> Self {
        self.publish_limit = publish_limit;
        self
    }

    /// Sets the pause of the relay while its store can't be reached.
    #[must_use]
    pub fn store_backoff(mut self, store_backoff: Backoff) -> Self {
        self.store_backoff = store_backoff;
        self
    }

    /// Sets the time that one call of the store may take.
    #[must_use]
    pub fn store_limit(mut self, store_limit: Duration) -> Self {
        self.store_limit = store_limit;
        self
    }

    /// Sets the number of times that settling is tried again before the rows are left to their lease.
    #[must_use]
    pub fn settle_retries(mut self, settle_retries: u32) -> Self {
        self.settle_retries = settle_retries;
        self
    }
}
