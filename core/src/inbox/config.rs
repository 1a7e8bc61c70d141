use std::time::Duration;

use smol_str::SmolStr;

use crate::{
    backoff::Backoff,
    settings::{Checks, InvalidSetting},
};

/// Configuration of a [`Consumer`](super::Consumer).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsumerConfig {
    /// Topics that it listens to.
    pub topics: Vec<SmolStr>,
    /// Number of deliveries that it takes at a time. Default 16: they are handled one after the other, and the last
    /// must be done before the broker's visibility timeout.
    pub batch: usize,
    /// Number of failures of its handler at which a message becomes a dead letter. Default 5.
    pub max_failures: u32,
    /// Delay of a message after a failure of its handler. Default 200 ms to 60 s: five failures take seconds, so that a
    /// participant's short outage does not fill the dead letters.
    pub backoff: Backoff,
    /// Number of failures at which a message becomes a dead letter although it was the store that failed: each time the
    /// handler had done its part and the store conflicted again and again, could not be reached or gave no answer, and
    /// counted the failure at once. Default 10: tens of attempts, over some seconds. Who only lost a race has won one by
    /// then, and an outage of the store is never counted.
    pub max_store_failures: u32,
    /// Number of earlier deliveries, by the broker's count, from which on a failure is counted before the handler is called:
    /// a message that ends its process each time gets no further. Default 3: the usual message costs no transaction more.
    /// 0 for a broker that does not count deliveries: then it costs each message one.
    pub suspect_after: u32,
    /// Time that a handler has for one message, within its transaction. Default 10 s: long against a transaction, and short
    /// against the time after which a broker takes a delivery for lost. A handler that takes longer is dropped, its
    /// transaction rolls back, and it counts as a failure.
    pub handler_limit: Duration,
    /// Delay of a message of an unknown type. Default 30 s: a deployment takes minutes.
    pub unknown_type_delay: Duration,
    /// Number of times that a transaction which met a conflict or an unknown outcome is tried again at once, on a fresh
    /// snapshot, before that counts as a failure. Default 3: a conflict is usually over at once.
    pub store_retries: u32,
    /// Delay of a message after a failure of the store, and pause of the consumer while the store can't be reached. Default
    /// 50 ms to 5 s.
    pub store_backoff: Backoff,
    /// Pause before subscribing again while the broker can't be reached. Default 100 ms to 10 s.
    pub broker_backoff: Backoff,
}

impl ConsumerConfig {
    /// The defaults for a consumer of these topics.
    pub fn new<T: Into<SmolStr>>(topics: impl IntoIterator<Item = T>) -> Self {
        Self {
            topics: topics.into_iter().map(Into::into).collect(),
            batch: 16,
            max_failures: 5,
            backoff: Backoff::new(Duration::from_millis(200), Duration::from_secs(60)),
            max_store_failures: 10,
            suspect_after: 3,
            handler_limit: Duration::from_secs(10),
            unknown_type_delay: Duration::from_secs(30),
            store_retries: 3,
            store_backoff: Backoff::new(Duration::from_millis(50), Duration::from_secs(5)),
            broker_backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(10)),
        }
    }
}

impl ConsumerConfig {
    /// Checks that these settings can work. [`Consumer::run`](super::Consumer::run) asks when it begins.
    ///
    /// # Errors
    /// The first [`InvalidSetting`], which says what to change.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        let checks = Checks::new("ConsumerConfig");
        let cure = "a consumer without topics hears of nothing, so name one or more";
        checks.hold(!self.topics.is_empty(), "topics", "empty", cure)?;
        checks.positive("batch", self.batch, "a consumer that takes no deliveries handles nothing")?;
        checks.positive("max_failures", self.max_failures, "every message would be given up at its first failure")?;
        let reason = "every message would be given up at the first failure of the store";
        checks.positive("max_store_failures", self.max_store_failures, reason)?;
        checks.lasting("handler_limit", self.handler_limit, "no handler would ever be done in time")?;
        checks.lasting("unknown_type_delay", self.unknown_type_delay, "such a message would never rest")?;
        self.backoff.check(checks, "backoff")?;
        self.store_backoff.check(checks, "store_backoff")?;
        self.broker_backoff.check(checks, "broker_backoff")
    }

    /// Sets the number of deliveries that it takes at a time.
    #[must_use]
    pub fn batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Sets the number of failures of its handler at which a message becomes a dead letter.
    #[must_use]
    pub fn max_failures(mut self, max_failures: u32) -> Self {
        self.max_failures = max_failures;
        self
    }

    /// Sets the delay of a message after a failure of its handler.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Sets the number of failures of the store at which a message becomes a dead letter.
    #[must_use]
    pub fn max_store_failures(mut self, max_store_failures: u32) -> Self {
        self.max_store_failures = max_store_failures;
        self
    }

    /// Sets the number of earlier deliveries from which on a failure is counted before the handler is called.
    #[must_use]
    pub fn suspect_after(mut self, suspect_after: u32) -> Self {
        self.suspect_after = suspect_after;
        self
    }

    /// Sets the time that a handler has for one message.
    #[must_use]
    pub fn handler_limit(mut self, handler_limit: Duration) -> Self {
        self.handler_limit = handler_limit;
        self
    }

    /// Sets the delay of a message of an unknown type.
    #[must_use]
    pub fn unknown_type_delay(mut self, unknown_type_delay: Duration) -> Self {
        self.unknown_type_delay = unknown_type_delay;
        self
    }

    /// Sets the number of times that a transaction which met a conflict or an unknown outcome is tried again before the
    /// message is given back to the broker.
    #[must_use]
    pub fn store_retries(mut self, store_retries: u32) -> Self {
        self.store_retries = store_retries;
        self
    }

    /// Sets the delay of a message, and pause of the consumer, while the store can't be reached.
    #[must_use]
    pub fn store_backoff(mut self, store_backoff: Backoff) -> Self {
        self.store_backoff = store_backoff;
        self
    }

    /// Sets the pause before subscribing again while the broker can't be reached.
    #[must_use]
    pub fn broker_backoff(mut self, broker_backoff: Backoff) -> Self {
        self.broker_backoff = broker_backoff;
        self
    }
}

impl<T: Into<SmolStr>, const N: usize> From<[T; N]> for ConsumerConfig {
    fn from(topics: [T; N]) -> Self {
        Self::new(topics)
    }
}
