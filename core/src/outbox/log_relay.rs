use std::{collections::BTreeMap, pin::pin, sync::Arc};

use smol_str::SmolStr;
use tracing::{Instrument, debug, debug_span, warn};

use super::{
    PassReport, RelayConfig,
    log_window::LogWindow,
    poll::{Polling, can_relay},
    publisher::Publisher,
};
use crate::{
    ids::List,
    ports::{Broker, Clock, Part, Ports, Random, RowId, Scopes, SettleOutcome, Store, StoreError, Timestamp, scoped},
    stop::Stop,
    wake::Wake,
};

/// Number of rows that can't go out now which a pass reads past. Beyond these the log waits: an operator is due long
/// before.
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
/// | refused | is dead | waits in front of it until it is redriven or purged ([`WhenDead::BlockKey`](crate::ports::WhenDead::BlockKey)), or moves on ([`WhenDead::SkipDead`](crate::ports::WhenDead::SkipDead)) |
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
/// use seaworthy_core::{outbox::LogRelay, ports::Ports, wake::Wake};
///
/// async fn process(ports: Ports) {
///     let wake = Wake::new(); // its clones are for those who stage messages
///     LogRelay::new(&ports, "orders-relay").wake(wake).run().await;
/// }
/// ```
pub struct LogRelay {
    store: Arc<dyn Store>,
    publisher: Publisher,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    name: SmolStr,
    config: RelayConfig,
    wake: Wake,
    /// Passes may be dropped one by one.
    scopes: Scopes,
    stop: Stop,
    /// `None` until it is read, and wherever it may be another than the stored one.
    position: Option<u64>,
    /// Time until which a row backs off, by row.
    waits: BTreeMap<RowId, Timestamp>,
    /// Number of rows of the last window that could not go out.
    passed_over: usize,
    /// The furthest row that was ever read. What is dispatched beyond the position is not shown again.
    seen: u64,
}

impl LogRelay {
    /// A relay of a process: it publishes what is staged in the process's store until the process is asked to stop, with
    /// the default configuration, and polls for work unless it is given a [`wake`](Self::wake). Its position is the
    /// checkpoint `name`, which no consumer may share.
    pub fn new(ports: &Ports, name: impl Into<SmolStr>) -> Self {
        let Ports { store, broker, clock, random, stop, .. } = ports;
        let mut relay = Self::from_parts(store.clone(), broker.clone(), clock.clone(), random.clone(), name);
        relay.scopes = Some(ports.spawner.clone());
        relay.stop(stop.clone())
    }

    /// A relay that publishes what is staged in `store` to `broker`, outside a process: it never stops unless it is given
    /// a [`stop`](Self::stop).
    pub fn from_parts(
        store: Arc<dyn Store>,
        broker: Arc<dyn Broker>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        name: impl Into<SmolStr>,
    ) -> Self {
        Self {
            store,
            publisher: Publisher::new(broker, Arc::clone(&random)),
            clock,
            random,
            name: name.into(),
            config: RelayConfig::default(),
            wake: Wake::new(),
            scopes: None,
            stop: Stop::new(),
            position: None,
            waits: BTreeMap::new(),
            passed_over: 0,
            seen: 0,
        }
    }

    /// Sets how it works.
    #[must_use]
    pub fn config(mut self, config: RelayConfig) -> Self {
        self.config = config;
        self
    }

    /// Takes hints from those who stage messages, so that these leave at once.
    #[must_use]
    pub fn wake(mut self, wake: Wake) -> Self {
        self.wake = wake;
        self
    }

    /// Sets what stops it.
    #[must_use]
    pub fn stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }

    /// Publishes until a stop is asked for. What is in flight by then is finished and stored.
    ///
    /// Ends at once, with an error in the log, if the store has no [outbox](Part::Outbox) or no
    /// [checkpoints](Part::Checkpoints), or a setting [can't work](RelayConfig::check).
    ///
    /// Dropping the future, as a crash does, leaves nothing behind: what was published and not stored is published again.
    pub async fn run(mut self) {
        if !can_relay(&self.config, &*self.store, &[Part::Outbox, Part::Checkpoints]) {
            return;
        }
        let (clock, random) = (Arc::clone(&self.clock), Arc::clone(&self.random));
        let mut polling = Polling::new(self.config.clone(), clock, random, self.wake.clone(), self.stop.clone());
        let scopes = self.scopes.clone();
        while !self.stop.is_set() {
            let report = scoped(scopes.as_deref(), pin!(self.pass())).await;
            polling.pause(report.unwrap_or_else(|dropped| Err(dropped.into()))).await;
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
            let all = rows.len() < limit;
            let last = rows.last().map_or(position, |(row, _)| row.message.sequence);
            self.seen = self.seen.max(last);
            let end = if all { self.seen } else { last };
            let now = self.clock.now();
            self.waits.retain(|_, until| *until > now);
            let window = LogWindow::new(position, end, rows, &self.config, |row| self.waits.contains_key(&row));
            self.work_off(window, all).await
        }
        .instrument(span)
        .await
    }

    async fn work_off(&mut self, mut window: LogWindow, all: bool) -> Result<PassReport, StoreError> {
        let mut report = PassReport { claimed: window.ready(), ..PassReport::default() };
        let mut acknowledged = false;
        while window.ready() > 0 && report.pause.is_none() && !self.stop.is_set() {
            let (rows, messages) = window.next_batch(self.config.batch.max(1));
            if rows.is_empty() {
                break;
            }
            let rows: Vec<_> = rows.into_iter().map(|row| (row, self.publisher.next_attempt(row))).collect();
            let outcomes = self.publisher.publish(&rows, &messages, acknowledged, &self.config, &mut report).await;
            for (((row, _), message), outcome) in rows.into_iter().zip(messages).zip(outcomes) {
                if let SettleOutcome::Retry { delay, .. } | SettleOutcome::Release { delay } = &outcome {
                    self.waits.insert(row, self.clock.now() + *delay);
                    report.count(&outcome, true);
                }
                acknowledged |= outcome == SettleOutcome::Dispatched;
                window.note(message, outcome);
            }
        }
        let moves = self.position != Some(window.position()) || !window.settled.is_empty();
        report.full = !all && (moves || window.passed_over > self.passed_over);
        self.passed_over = window.passed_over;
        if moves {
            self.store(&window, &mut report).await?;
        }
        Ok(report)
    }

    /// Stores how far a pass came, trying again while the store is busy: doing it twice does no harm, and what is not
    /// stored is published twice.
    async fn store(&mut self, window: &LogWindow, report: &mut PassReport) -> Result<(), StoreError> {
        self.position = None;
        let position = window.position();
        let ids: Vec<_> = window.settled.iter().map(|(message, _)| *message).collect();
        let span = debug_span!("settle", messages = %List(&ids), position);
        let mut retries = 0;
        let marked = loop {
            match self.try_store(window).instrument(span.clone()).await {
                Ok(marked) => break marked,
                Err(error) => {
                    if !error.is_retryable() || retries >= self.config.settle_retries {
                        return Err(error);
                    }
                    let delay = self.config.store_backoff.delay(retries, &*self.random);
                    debug!(%error, ?delay, "settling is tried again");
                    retries += 1;
                    self.clock.sleep(delay).await;
                }
            }
        };
        self.position = Some(position);
        for ((message, outcome), marked) in window.settled.iter().zip(marked) {
            report.count(outcome, marked);
            if let (SettleOutcome::Dead { reason }, true) = (outcome, marked) {
                warn!(%message, %reason, "outbox row is dead");
            }
        }
        Ok(())
    }

    async fn try_store(&self, window: &LogWindow) -> Result<Vec<bool>, StoreError> {
        let position = window.position();
        let mut tx = self.store.begin().await?;
        let is_dispatched = |outcome: &SettleOutcome| *outcome == SettleOutcome::Dispatched;
        let settled = window.settled.iter();
        let dispatched: Vec<_> = settled.filter(|(_, outcome)| is_dispatched(outcome)).map(|(id, _)| *id).collect();
        let mut answers = Vec::new();
        if !dispatched.is_empty() {
            answers = tx.outbox_dispatched(&dispatched).await?;
        }
        let mut answers = answers.into_iter();
        let mut marked = Vec::with_capacity(window.settled.len());
        for (message, outcome) in &window.settled {
            marked.push(match outcome {
                SettleOutcome::Dead { reason } => tx.outbox_bury(*message, reason).await?,
                _ => answers.next().unwrap_or(false),
            });
        }
        // Another relay of this name may be further: a position never goes back.
        if tx.checkpoint(&self.name).await?.is_none_or(|stored| stored < position) {
            tx.set_checkpoint(&self.name, position).await?;
        }
        tx.commit().await?;
        Ok(marked)
    }
}
