use std::{collections::BTreeMap, time::Duration};

use smol_str::SmolStr;

use super::FailurePolicy;
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
    /// Number of keys whose messages are handled side by side. Default 1: one message after the other, `batch` of them at a
    /// time. With more, a message waits for the earlier ones of its own key and for no other, and no more deliveries are
    /// taken than there are hands free, so none grows old in a queue. A message that may end its process is handled alone.
    ///
    /// They are futures of one task: it is waiting that they share, for a store of many writers or for somebody else. A
    /// store with one writer, as SQLite is, lets one handler at a time into its transaction. Where handlers compute, run
    /// several consumers of one name instead.
    pub workers: usize,
    /// Time by which a delivery is extended, again at each third of it, for as long as it is in hand. Default `None`: what is
    /// not done within the broker's visibility timeout is delivered again, to somebody else too. With it a handler may take
    /// longer, up to `handler_limit`: give the visibility timeout, or less. A broker that can't extend deliveries is named in
    /// the log, once for each subscription.
    pub extend: Option<Duration>,
    /// Number of failures of its handler at which a message becomes a dead letter. Default 5.
    pub max_failures: u32,
    /// Delay of a message after a failure of its handler. Default 200 ms to 60 s: five failures take seconds, so that a
    /// participant's short outage does not fill the dead letters.
    pub backoff: Backoff,
    /// Policies for failures that a handler gives a kind of their own ([`HandlerError::Failed`](super::HandlerError::Failed)).
    /// Default none: then they are failures like any other.
    ///
    /// Each failure is judged by the policy of its own kind, and all count together. So a kind with a higher limit than
    /// `max_failures` raises the number of failures that a message may come to: one that has failed 20 times under a patient
    /// policy becomes a dead letter at its next failure of any other kind.
    pub failures: BTreeMap<SmolStr, FailurePolicy>,
    /// Number of failures at which a message becomes a dead letter that its handler has postponed
    /// ([`HandlerError::Postponed`](super::HandlerError::Postponed)) once more. Default 10.
    ///
    /// To be postponed counts as a failure: a message that is postponed ten times by a minute is given up after nine minutes,
    /// and one that was postponed `max_failures` times becomes a dead letter at its first failure of another kind. Where
    /// waiting for long is the plan rather than the exception, raise this, or have a saga [wait](crate::saga::Wait) for it.
    pub max_postponed: u32,
    /// `true`: a message that has [expired](crate::message::Schedule::expires) becomes a dead letter, with the reason `expired`.
    /// Default `false`: it is dropped, with a warning, since whoever sent it has said that nobody needs it any more.
    pub bury_expired: bool,
    /// Number of failures at which a message becomes a dead letter although it was the store that failed: each time the
    /// handler had done its part and the store conflicted again and again, could not be reached or gave no answer, and
    /// counted the failure at once. Default 10: tens of attempts, over some seconds. Who only lost a race has won one by
    /// then, and an outage of the store is never counted.
    pub max_store_failures: u32,
    /// Number of earlier deliveries, by the broker's count, from which on a failure is counted before the handler is called:
    /// a message that ends its process each time gets no further. Default 3: the usual message costs no transaction more.
    /// 0 for a broker that does not count deliveries: then it costs each message one.
    pub suspect_after: u32,
    /// Pause between two looks for dead letters of which an operator has [asked](crate::inbox::ask_redrive) that they be handled
    /// again; they are, beside the others, as by [`Consumer::redrive`](super::Consumer::redrive). Default `None`: it does not look,
    /// and asks its store nothing. With 10 s an operator's tool, which has no handlers, sees soon what comes of its request.
    pub redrive_requests: Option<Duration>,
    /// Time that a handler has for one message, within its transaction. Default 10 s: long against a transaction, and short
    /// against the time after which a broker takes a delivery for lost. A handler that takes longer is dropped, its
    /// transaction rolls back, and it counts as a failure: of the store where the handler waits for an answer of that by then, as
    /// behind another transaction that holds what it asks for, and otherwise its own.
    pub handler_limit: Duration,
    /// Delay of a message of an unknown type. Default 30 s: a deployment takes minutes.
    pub unknown_type_delay: Duration,
    /// Number of times that a transaction which met a conflict or an unknown outcome is tried again at once, on a fresh
    /// snapshot, before that counts as a failure. Default 3: a conflict is usually over at once.
    pub store_retries: u32,
    /// Delay of a message after a failure of the store, and pause of the consumer while the store can't be reached. Default
    /// 50 ms to 5 s.
    pub store_backoff: Backoff,
    /// Time that the store may take for the transaction of one message, beside what its handler may take. Default 30 s: longer
    /// than a transaction waits for the one writer of a store. Where it did not even begin, the consumer pauses as while the
    /// store can't be reached; otherwise that is a failure of the message, since nobody knows what it hangs on.
    pub store_limit: Duration,
    /// Time that the broker may take to let the consumer in, or to hear what became of one delivery. Default 20 s: whatever it
    /// leaves unsaid comes again, and is a duplicate if it was handled. To wait for deliveries has no limit, since there may be
    /// none for days.
    pub broker_limit: Duration,
    /// Pause before subscribing again while the broker can't be reached. Default 100 ms to 10 s.
    pub broker_backoff: Backoff,
}

impl ConsumerConfig {
    /// The defaults for a consumer of these topics.
    pub fn new<T: Into<SmolStr>>(topics: impl IntoIterator<Item = T>) -> Self {
        Self {
            topics: topics.into_iter().map(Into::into).collect(),
            batch: 16,
            workers: 1,
            extend: None,
            max_failures: 5,
            backoff: Backoff::new(Duration::from_millis(200), Duration::from_secs(60)),
            failures: BTreeMap::new(),
            max_postponed: 10,
            bury_expired: false,
            max_store_failures: 10,
            suspect_after: 3,
            redrive_requests: None,
            handler_limit: Duration::from_secs(10),
            unknown_type_delay: Duration::from_secs(30),
            store_retries: 3,
            store_backoff: Backoff::new(Duration::from_millis(50), Duration::from_secs(5)),
            store_limit: Duration::from_secs(30),
            broker_limit: Duration::from_secs(20),
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
        checks.positive("workers", self.workers, "a consumer without hands handles nothing")?;
        let cure = "with a broker that does not count deliveries nobody knows which message ends its process, so each has to \
                    be handled alone: set workers to 1, or suspect_after to 1 or more";
        checks.hold(self.workers == 1 || self.suspect_after > 0, "workers", self.workers, cure)?;
        if let Some(by) = self.extend {
            checks.lasting("extend", by, "a delivery would be extended without a pause; None never extends one")?;
        }
        checks.positive("max_failures", self.max_failures, "every message would be given up at its first failure")?;
        checks.positive("max_postponed", self.max_postponed, "a message would be given up as it is postponed")?;
        if let Some(every) = self.redrive_requests {
            checks.lasting("redrive_requests", every, "it would look without a pause; None never looks")?;
        }
        for policy in self.failures.values() {
            policy.check(checks)?;
        }
        let reason = "every message would be given up at the first failure of the store";
        checks.positive("max_store_failures", self.max_store_failures, reason)?;
        checks.lasting("handler_limit", self.handler_limit, "no handler would ever be done in time")?;
        checks.lasting("store_limit", self.store_limit, "no call of the store could ever succeed")?;
        checks.lasting("broker_limit", self.broker_limit, "no call to the broker could ever succeed")?;
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

    /// Sets the number of keys whose messages are handled side by side.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// Sets the time by which a delivery is extended, again and again while it is in hand.
    #[must_use]
    pub fn extend(mut self, by: Duration) -> Self {
        self.extend = Some(by);
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

    /// Sets the policy for failures of a kind, by the name that handlers give it.
    #[must_use]
    pub fn on_failure(mut self, kind: impl Into<SmolStr>, policy: FailurePolicy) -> Self {
        self.failures.insert(kind.into(), policy);
        self
    }

    /// Sets the number of failures at which a message that is postponed becomes a dead letter.
    #[must_use]
    pub fn max_postponed(mut self, max_postponed: u32) -> Self {
        self.max_postponed = max_postponed;
        self
    }

    /// Keeps messages that have expired as dead letters.
    #[must_use]
    pub fn bury_expired(mut self) -> Self {
        self.bury_expired = true;
        self
    }

    /// The number of failures that no message survives, whatever they are.
    pub(super) fn failures_max(&self) -> u32 {
        let policies = self.failures.values().map(|policy| policy.max_failures);
        policies.chain([self.max_postponed, self.max_store_failures]).fold(self.max_failures, u32::max)
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

    /// Looks for dead letters that an operator has asked for, with such pauses.
    #[must_use]
    pub fn redrive_requests(mut self, every: Duration) -> Self {
        self.redrive_requests = Some(every);
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

    /// Sets the time that the store may take for the transaction of one message, beside what its handler may take.
    #[must_use]
    pub fn store_limit(mut self, store_limit: Duration) -> Self {
        self.store_limit = store_limit;
        self
    }

    /// Sets the time that the broker may take for one call, but for waiting for deliveries.
    #[must_use]
    pub fn broker_limit(mut self, broker_limit: Duration) -> Self {
        self.broker_limit = broker_limit;
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
