use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use smol_str::SmolStr;
use tracing::{Instrument, debug, debug_span, warn};

use super::{PassReport, RelayConfig, budget::Budget, offer::offer, pace::Pace};
use crate::{
    ids::{List, MessageId},
    message::Message,
    ports::{
        Broker, Clock, Ordering, OutboxRow, OutboxState, Ports, Random, RowId, SettleOutcome, Store, StoreError,
        Timestamp, WhenDead,
    },
    stop::Stop,
    wake::Wake,
};

/// How many rows that can't go out now a pass reads past. Beyond these the log waits: an operator is due long before.
const PASSED_OVER_MAX: usize = 10_000;

/// Publishes what was staged by tailing the log: reads on from its position, publishes, and moves the position only when
/// the broker has acknowledged all up to it. Nothing is claimed, so nothing waits for a lease after a crash.
///
/// The position is the checkpoint of the name that it is given. One transaction moves it and marks what was
/// acknowledged, beyond it too; a crash before that transaction publishes again, under the same ids.
///
/// | the broker says | the row | the position |
/// |---|---|---|
/// | accepted | is dispatched | moves over it, once all before it is settled |
/// | rejected | is dead | waits in front of it until it is redriven or purged ([`WhenDead::BlockKey`]), or moves on ([`WhenDead::SkipDead`]) |
/// | unavailable | stays; if nothing passed at all the relay pauses, longer each time | waits |
/// | unknown | is tried again under the same id; only if others pass meanwhile, an attempt is spent | waits |
///
/// Where the position waits, other keys go on; later rows of the key wait with it. A redriven row is published again
/// wherever the position is.
///
/// Run one of these on an outbox, and no [`Relay`](super::Relay) beside it: they do not lose an event to each other, as in
/// a change from one to the other, but both publish the same rows. Attempts and waits are kept in memory, so a restart
/// begins them anew. Of [`RelayConfig`], `lease` and `bury_after_claims` speak of claims and mean nothing here.
///
/// Source of the pattern: *Transaction log tailing* (Chris Richardson, microservices.io). A connector such as Debezium
/// does the same on a database's own log, and reads the same table.
///
/// ```
/// use seaworthy_core::{outbox::{LogRelay, RelayConfig}, ports::Ports, wake::Wake};
///
/// async fn process(ports: Ports) {
///     let wake = Wake::new(); // its clones are for those who stage messages
///     LogRelay::of(&ports, "orders-relay", RelayConfig::default(), wake).run(ports.stop.clone()).await;
/// }
/// ```
pub struct LogRelay {
    store: Arc<dyn Store>,
    broker: Arc<dyn Broker>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    name: SmolStr,
    config: RelayConfig,
    wake: Wake,
    stop: Stop,
    budget: Budget,
    /// `None` until it is read, and wherever it may be another than the stored one.
    position: Option<u64>,
    /// Until when rows back off.
    waits: BTreeMap<RowId, Timestamp>,
    /// How many rows of the last reading could not go out.
    passed_over: usize,
}

/// What a pass found out, to be stored in one transaction.
struct Progress {
    position: u64,
    settled: Vec<(MessageId, SettleOutcome)>,
}

impl LogRelay {
    /// A relay on a process's own ports. Its position is the checkpoint `name`, which no consumer may share.
    pub fn of(ports: &Ports, name: impl Into<SmolStr>, config: RelayConfig, wake: Wake) -> Self {
        Self {
            store: Arc::clone(&ports.store),
            broker: Arc::clone(&ports.broker),
            clock: Arc::clone(&ports.clock),
            random: Arc::clone(&ports.random),
            name: name.into(),
            config,
            wake,
            stop: Stop::new(),
            budget: Budget::default(),
            position: None,
            waits: BTreeMap::new(),
            passed_over: 0,
        }
    }

    /// Publishes until a stop is asked for. What is in flight by then is finished and stored.
    ///
    /// Dropping the future, as a crash does, leaves nothing behind: what was published and not stored is published again.
    pub async fn run(mut self, stop: Stop) {
        self.stop = stop;
        let (clock, random) = (Arc::clone(&self.clock), Arc::clone(&self.random));
        let mut pace = Pace::new(self.config.clone(), clock, random, self.wake.clone(), self.stop.clone());
        while !self.stop.is_set() {
            let report = self.pass().await;
            pace.rest(report).await;
        }
    }

    /// Reads the log once from its position, publishes what can go out, and stores how far it came. For tests, and for
    /// loops of one's own. In the report, `claimed` counts the rows that could go out.
    ///
    /// # Errors
    /// Any [`StoreError`] of reading, or of storing after it was tried again: then what was published may be published
    /// again, under the same ids. Dropping the future has the same effect.
    pub async fn pass(&mut self) -> Result<PassReport, StoreError> {
        let span = debug_span!("relay.log", name = %self.name);
        async {
            let position = match self.position {
                Some(position) => position,
                None => self.store.begin().await?.checkpoint(&self.name).await?.unwrap_or(0),
            };
            self.position = Some(position);
            let limit = self.config.batch.max(1) + self.passed_over.min(PASSED_OVER_MAX);
            let rows = self.store.tail(position, limit).await?;
            self.work_off(position, rows).await
        }
        .instrument(span)
        .await
    }

    async fn work_off(&mut self, position: u64, rows: Vec<(OutboxRow, OutboxState)>) -> Result<PassReport, StoreError> {
        let now = self.clock.now();
        self.waits.retain(|_, until| *until > now);
        let mut progress = Progress { position: position.max(last_of(&rows)), settled: Vec::new() };
        let per_key = self.config.ordering == Ordering::PerKey;
        let mut unsettled = BTreeSet::new();
        let mut held = BTreeSet::new();
        let mut ready = VecDeque::new();
        self.passed_over = 0;
        for (row, state) in rows {
            let key = &row.message.partition_key;
            if state == OutboxState::Dead && (!per_key || self.config.when_dead == WhenDead::SkipDead) {
                continue;
            }
            if row.message.sequence > position {
                unsettled.insert(row.message.sequence);
            }
            let waits = state != OutboxState::Pending || self.waits.contains_key(&row.row);
            if waits || per_key && held.contains(key) {
                held.insert(key.clone());
                self.passed_over += 1;
            } else {
                ready.push_back(row);
            }
        }
        let full = ready.len() >= self.config.batch;
        let mut report = PassReport { claimed: ready.len(), full, ..PassReport::default() };
        let mut acknowledged = false;
        while !ready.is_empty() && report.pause.is_none() && !self.stop.is_set() {
            // At most one row of a key is in flight; the next follows once it is acknowledged.
            let mut in_flight = BTreeSet::new();
            let mut batch = Vec::new();
            for row in std::mem::take(&mut ready) {
                let key = &row.message.partition_key;
                if per_key && held.contains(key) {
                    continue;
                }
                if batch.len() < self.config.batch.max(1) && (!per_key || in_flight.insert(key.clone())) {
                    batch.push(row);
                } else {
                    ready.push_back(row);
                }
            }
            let (rows, messages): (Vec<_>, Vec<_>) = batch.into_iter().map(|row| (row.row, row.message)).unzip();
            let outcomes = self.publish(&rows, &messages, acknowledged, &mut report).await;
            for ((row, message), outcome) in rows.into_iter().zip(messages).zip(outcomes) {
                if outcome == SettleOutcome::Dispatched {
                    acknowledged = true;
                    unsettled.remove(&message.sequence);
                } else {
                    // Also a dead row that is skipped: its death is stored before the next of its key goes out.
                    held.insert(message.partition_key);
                }
                match &outcome {
                    SettleOutcome::Retry { delay, .. } | SettleOutcome::Release { delay } => {
                        report.count(&outcome, true);
                        self.waits.insert(row, self.clock.now() + *delay);
                    }
                    SettleOutcome::Dispatched | SettleOutcome::Dead { .. } => {
                        progress.settled.push((message.id, outcome));
                    }
                }
            }
        }
        if let Some(first) = unsettled.first() {
            progress.position = position.max(first - 1);
        }
        if progress.position > position || !progress.settled.is_empty() {
            self.store(&progress, &mut report).await?;
        }
        Ok(report)
    }

    /// Publishes one batch, and says what is to become of each of its rows.
    async fn publish(
        &mut self,
        rows: &[RowId],
        messages: &[Message],
        before: bool,
        report: &mut PassReport,
    ) -> Vec<SettleOutcome> {
        let ids: Vec<_> = messages.iter().map(|message| message.id).collect();
        let span = debug_span!("publish", messages = %List(&ids));
        let results = offer(&*self.broker, messages).instrument(span.clone()).await;
        let _entered = span.enter();
        let rows: Vec<_> = rows.iter().map(|row| (*row, self.budget.next_attempt(*row))).collect();
        let (outcomes, answered) = self.budget.judge(&rows, results, before, &self.config, &*self.random);
        if answered {
            self.budget.recovered();
        } else {
            report.pause = Some(self.budget.outage(&self.config, &*self.random));
        }
        if tracing::enabled!(tracing::Level::DEBUG) {
            for (message, outcome) in messages.iter().zip(&outcomes) {
                debug!(message = %message.id, kind = %message.kind, ?outcome, "published");
            }
        }
        outcomes
    }

    /// Stores how far a pass came, trying again while the store is busy: doing it twice does no harm, and what is not
    /// stored is published twice.
    async fn store(&mut self, progress: &Progress, report: &mut PassReport) -> Result<(), StoreError> {
        self.position = None;
        let ids: Vec<_> = progress.settled.iter().map(|(message, _)| *message).collect();
        let span = debug_span!("settle", messages = %List(&ids), position = progress.position);
        let mut retries = 0;
        let marked = loop {
            match self.try_store(progress).instrument(span.clone()).await {
                Ok(marked) => break marked,
                Err(error) => {
                    if !error.is_retryable() || retries >= self.config.settle_retries {
                        return Err(error);
                    }
                    let rest = self.config.store_backoff.delay(retries, &*self.random);
                    debug!(%error, ?rest, "settling is tried again");
                    retries += 1;
                    self.clock.sleep(rest).await;
                }
            }
        };
        self.position = Some(progress.position);
        for ((message, outcome), marked) in progress.settled.iter().zip(marked) {
            report.count(outcome, marked);
            if let (SettleOutcome::Dead { reason }, true) = (outcome, marked) {
                warn!(%message, %reason, "outbox row is dead");
            }
        }
        Ok(())
    }

    async fn try_store(&self, progress: &Progress) -> Result<Vec<bool>, StoreError> {
        let mut tx = self.store.begin().await?;
        let is_dispatched = |outcome: &SettleOutcome| *outcome == SettleOutcome::Dispatched;
        let settled = progress.settled.iter();
        let dispatched: Vec<_> = settled.filter(|(_, outcome)| is_dispatched(outcome)).map(|(id, _)| *id).collect();
        let mut answers = Vec::new();
        if !dispatched.is_empty() {
            answers = tx.outbox_dispatched(&dispatched).await?;
        }
        let mut answers = answers.into_iter();
        let mut marked = Vec::with_capacity(progress.settled.len());
        for (message, outcome) in &progress.settled {
            marked.push(match outcome {
                SettleOutcome::Dead { reason } => tx.outbox_bury(*message, reason).await?,
                _ => answers.next().unwrap_or(false),
            });
        }
        // Another relay of this name may be further: a position never goes back.
        if tx.checkpoint(&self.name).await?.is_none_or(|stored| stored < progress.position) {
            tx.set_checkpoint(&self.name, progress.position).await?;
        }
        tx.commit().await?;
        Ok(marked)
    }
}

fn last_of(rows: &[(OutboxRow, OutboxState)]) -> u64 {
    rows.last().map_or(0, |(row, _)| row.message.sequence)
}
