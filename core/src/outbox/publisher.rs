use std::{iter, pin::pin, sync::Arc, time::Duration};

use smol_str::{SmolStr, format_smolstr};
use tracing::{Instrument, debug, debug_span, warn};

use super::{
    RelayConfig,
    budget::{Bench, Budget, Passed},
    topics::Topics,
};
use crate::{
    ids::{List, MessageId},
    message::Message,
    ports::{
        Broker, BrokerError, Clock, PublishError, PublishResult, Random, RowId, Scopes, SettleOutcome, SteadyTime,
        Timestamp, caught, within,
    },
};

/// Rows as they are to be published, and those that are not this time.
pub(super) struct Batches<T> {
    pub(super) batches: Vec<Vec<T>>,
    pub(super) left: Vec<T>,
}

/// The broker's side of a relay, however it comes by its rows: publishes a batch, and says what is to become of each row.
pub(super) struct Publisher {
    broker: Arc<dyn Broker>,
    clock: Arc<dyn Clock>,
    /// A wall clock that is set back must not leave a topic alone for so long.
    time: SteadyTime,
    random: Arc<dyn Random>,
    budget: Budget,
    topics: Topics,
    /// Rows that had expired, since somebody asked.
    expired: usize,
}

impl Publisher {
    pub(super) fn new(broker: Arc<dyn Broker>, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        let time = SteadyTime::new(Arc::clone(&clock));
        Self { broker, clock, time, random, budget: Budget::default(), topics: Topics::default(), expired: 0 }
    }

    /// Topics of which nothing is to be taken up for now.
    pub(super) fn left_alone(&self) -> Vec<SmolStr> {
        self.topics.left_alone(self.time.now())
    }

    /// Divides rows into batches: those of topics that were reached last, and of each that was not a single one, drawn, to
    /// see whether it is reached again. One message that fails its whole call takes the others with it once only.
    pub(super) fn batches<T>(&self, rows: Vec<T>, topic: impl Fn(&T) -> &SmolStr) -> Batches<T> {
        let (mut out, mut reached): (Vec<Vec<T>>, Vec<T>) = (Vec::new(), Vec::with_capacity(rows.len()));
        for row in rows {
            if !self.topics.is_out(topic(&row)) {
                reached.push(row);
            } else if let Some(batch) = out.iter_mut().find(|batch| topic(&batch[0]) == topic(&row)) {
                batch.push(row);
            } else {
                out.push(vec![row]);
            }
        }
        let mut left = Vec::new();
        let mut batches: Vec<_> = iter::once(reached).filter(|rows| !rows.is_empty()).collect();
        for mut rows in out {
            let drawn = self.random.next_u64() % rows.len() as u64;
            batches.push(vec![rows.swap_remove(usize::try_from(drawn).unwrap_or(0))]);
            left.append(&mut rows);
        }
        Batches { batches, left }
    }

    /// Returns the number of rows that had expired, since it was asked before.
    pub(super) fn take_expired(&mut self) -> usize {
        std::mem::take(&mut self.expired)
    }

    /// Publishes one batch of rows as [`publish_all`](Self::publish_all) does, but for those that have expired: these are done
    /// with, and nobody gets them.
    pub(super) async fn publish(
        &mut self,
        rows: &[(RowId, u32)],
        messages: &[Message],
        passed: &mut Passed,
        config: &RelayConfig,
        scopes: &Scopes,
    ) -> Vec<SettleOutcome> {
        // Whoever says nothing of an expiry costs no look at the clock.
        let may_expire = messages.iter().any(|message| message.schedule.expires.is_some());
        let now = if may_expire { self.clock.now() } else { Timestamp::EPOCH };
        let has_expired = |message: &Message| may_expire && message.schedule.has_expired(now);
        if !messages.iter().any(has_expired) {
            return self.publish_all(rows, messages, passed, config, scopes).await;
        }
        let (mut fresh_rows, mut fresh) = (Vec::new(), Vec::new());
        for (row, message) in rows.iter().zip(messages) {
            if has_expired(message) {
                warn!(message = %message.id, kind = %message.kind, topic = %message.topic, "message has expired and is not published");
                self.expired += 1;
            } else {
                fresh_rows.push(*row);
                fresh.push(message.clone());
            }
        }
        let outcomes = match fresh.is_empty() {
            true => Vec::new(),
            false => self.publish_all(&fresh_rows, &fresh, passed, config, scopes).await,
        };
        let mut outcomes = outcomes.into_iter();
        let outcome = |message: &Message| match has_expired(message) {
            true => SettleOutcome::Dispatched,
            false => outcomes.next().unwrap_or(SettleOutcome::Release { delay: Duration::ZERO }),
        };
        messages.iter().map(outcome).collect()
    }

    /// Publishes one batch of rows, given with how often each was tried. `passed` are the topics of which the broker has
    /// accepted something in the same pass; those of this batch join them. A topic without any answer is left alone for
    /// a while.
    async fn publish_all(
        &mut self,
        rows: &[(RowId, u32)],
        messages: &[Message],
        passed: &mut Passed,
        config: &RelayConfig,
        scopes: &Scopes,
    ) -> Vec<SettleOutcome> {
        let ids: Vec<MessageId> = messages.iter().map(|message| message.id).collect();
        let span = debug_span!("publish", messages = %List(&ids));
        let (results, together) = self.offer(messages, config, scopes).instrument(span.clone()).await;
        let _entered = span.enter();
        let failure = results.iter().find_map(|result| result.clone().err());
        let now = if failure.is_some() { self.time.now() } else { Timestamp::EPOCH };
        let bench = Bench { together, passed, now, config, random: &*self.random };
        let (outcomes, heard) = self.budget.judge(rows, messages, results, &bench);
        for heard in heard {
            if heard.answered {
                self.topics.answered(&heard.topic);
            } else if heard.failed {
                let pause = self.topics.failed(&heard.topic, self.time.now(), config, &*self.random);
                let why = failure.as_ref().map(tracing::field::display);
                warn!(topic = %heard.topic, ?pause, error = why, "messages wait: their topic can't be reached");
            }
            if heard.passed && !passed.contains(&heard.topic) {
                passed.push(heard.topic);
            }
        }
        if failure.is_some() {
            tell_failures(rows, messages, &outcomes);
        }
        if tracing::enabled!(tracing::Level::DEBUG) {
            for (message, outcome) in messages.iter().zip(&outcomes) {
                let trace_id = message.trace().map(|trace| trace.trace_id);
                debug!(message = %message.id, kind = %message.kind, trace_id, ?outcome, "published");
            }
        }
        outcomes
    }

    /// Returns the number of the next attempt at a row, as far as this relay has seen.
    pub(super) fn next_attempt(&self, row: RowId) -> u32 {
        self.budget.next_attempt(row)
    }

    /// A failure of the whole call is one of each message, and no one's in particular. So is a call that does not end in
    /// time, or an adapter that panics: what it did is unknown.
    async fn offer(&self, messages: &[Message], config: &RelayConfig, scopes: &Scopes) -> (Vec<PublishResult>, bool) {
        let mut publish = self.broker.publish(messages);
        let limited = pin!(within(&*self.clock, config.publish_limit, publish.as_mut()));
        let failure = match caught(scopes.as_deref(), limited).await {
            Ok(Ok(Ok(results))) => return (results, false),
            Ok(Ok(Err(BrokerError::Unavailable(why)))) => PublishError::Unavailable(why),
            Ok(Ok(Err(BrokerError::Unknown(why)))) => PublishError::Unknown(why),
            Ok(Err(late)) => PublishError::Unknown(format_smolstr!("publishing was {late}")),
            Err(panicked) => PublishError::Unknown(format_smolstr!("the broker's adapter {panicked}")),
        };
        (iter::repeat_n(Err(failure), messages.len()).collect(), messages.len() > 1)
    }
}

/// Says of each message that fails while others of its topic pass which it is: an operator would look for its topic otherwise.
fn tell_failures(rows: &[(RowId, u32)], messages: &[Message], outcomes: &[SettleOutcome]) {
    for (((_, attempt), message), outcome) in rows.iter().zip(messages).zip(outcomes) {
        if let SettleOutcome::Retry { delay, error } = outcome {
            let (id, topic) = (message.id, &message.topic);
            warn!(message = %id, %topic, attempt, pause = ?delay, %error, "message fails while others of its topic pass");
        }
    }
}
