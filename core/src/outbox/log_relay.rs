use std::{collections::BTreeSet, pin::pin, sync::Arc};

use smol_str::SmolStr;
use tracing::{Instrument, debug, debug_span, field, warn};

use super::{
    PassReport, RelayConfig,
    budget::Passed,
    log_waits::LogWaits,
    log_window::LogWindow,
    poll::Polling,
    publisher::{Batches, Publisher},
    setters::relay_setters,
    survived::Survived,
};
use crate::{
    ids::List,
    ports::{
        Broker, Clock, OutboxOrder, OutboxRow, Part, Ports, Random, RowId, Scopes, SettleOutcome, SteadyTime, Store,
        StoreError, TailRequest, WhenDead, answered, scoped,
    },
    startup::can_run,
    stop::Stop,
    wake::Wake,
};

/// Publishes what was staged by tailing the log: reads on, publishes, and moves its position only when the broker has
/// acknowledged all up to it. Nothing is claimed, so nothing waits for a lease after a crash.
///
/// The position is the checkpoint of the name that it is given. One transaction moves it and marks what was
/// acknowledged, beyond it too; a crash before that transaction publishes again, under the same ids.
///
/// | the broker says | the row | the position |
/// |---|---|---|
/// | accepted | is dispatched | moves over it, once all before it is settled |
/// | refused | is dead | waits in front of it until it is redriven or purged ([`WhenDead::BlockKey`](crate::ports::WhenDead::BlockKey)), or moves on ([`WhenDead::SkipDead`](crate::ports::WhenDead::SkipDead)) |
/// | unavailable | stays; if nothing of its topic was answered the topic is left alone, longer each time. Only if others of its topic pass meanwhile, as many as wait like it, an attempt is spent | waits |
/// | unknown | is tried again under the same id; only if others of its topic pass meanwhile, an attempt is spent | waits |
///
/// A row that spends attempts waits longer after each, is said by its message's id at `WARN`, and is dead at the
/// [last](RelayConfig::max_attempts).
///
/// Where the position waits, other keys and other topics go on; later rows of the key wait with it, however many they
/// are. A redriven row is published again wherever the position is.
///
/// Run one of these on an outbox, and no [`Relay`](super::Relay) beside it: they do not lose an event to each other, as in
/// a change from one to the other, but both publish the same rows. Attempts that fail and waits are kept in memory, so a
/// restart begins them anew. Of [`RelayConfig`], `lease` means nothing here.
///
/// # A message that ends its process
/// The first [`batch`](RelayConfig::batch) rows after a start go out one at a time, each counted in the store before, until as many
/// are settled: what ended the process before it is among them, and is known by its count from then on. Such a row goes last and alone, counted
/// again, however long ago the start was; what is published without one, or fails in an ordinary way, is taken back from the count. After
/// [`bury_after_claims`](RelayConfig::bury_after_claims) deaths (and never before
/// [`max_attempts`](RelayConfig::max_attempts)) it is dead with that reason, said at `WARN`, and its key goes on or waits as behind any
/// other dead row. Batches after those first rows count nothing and cost nothing more.
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
    pub(super) store: Arc<dyn Store>,
    pub(super) publisher: Publisher,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) time: SteadyTime,
    pub(super) random: Arc<dyn Random>,
    name: SmolStr,
    pub(super) config: RelayConfig,
    wake: Wake,
    /// Passes may be dropped one by one.
    pub(super) scopes: Scopes,
    pub(super) stop: Stop,
    pub(super) waits: LogWaits,
    /// Rows that were settled since the start while each went alone.
    pub(super) proven: usize,
    /// Rows that went alone and are not settled: they come after those that did not, so that it shows whether others pass.
    pub(super) unsettled: BTreeSet<RowId>,
    /// Attempts that are counted in the store although this relay has lived through them.
    pub(super) survived: Survived,
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
            publisher: Publisher::new(broker, Arc::clone(&clock), Arc::clone(&random)),
            time: SteadyTime::new(Arc::clone(&clock)),
            clock,
            random,
            name: name.into(),
            config: RelayConfig::default(),
            wake: Wake::new(),
            scopes: None,
            stop: Stop::new(),
            waits: LogWaits::default(),
            proven: 0,
            unsettled: BTreeSet::new(),
            survived: Survived::default(),
        }
    }

    /// Sets how it works.
    #[must_use]
    pub fn config(mut self, config: RelayConfig) -> Self {
        self.config = config;
        self
    }

    relay_setters!();

    /// Publishes until a stop is asked for. What is in flight by then is finished and stored.
    ///
    /// Ends at once, with an error in the log and to the process, if the store has no [outbox](Part::Outbox) or no
    /// [checkpoints](Part::Checkpoints), or a setting [can't work](RelayConfig::check).
    ///
    /// Dropping the future, as a crash does, leaves nothing behind: what was published and not stored is published again.
    pub async fn run(mut self) {
        let (process, settings) = (self.scopes.as_deref(), self.config.check());
        if !can_run(
            format_args!("relay {}", self.name),
            process,
            settings,
            &*self.store,
            &[Part::Outbox, Part::Checkpoints],
        ) {
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

    /// Reads the log once, publishes what can go out, and stores how far it came. For tests, and for loops of one's own. In
    /// the report, `claimed` counts the rows that could go out.
    ///
    /// # Errors
    /// Any [`StoreError`] of reading, or of storing after it was tried again: then what was published may be published
    /// again, under the same ids. Dropping the future has the same effect.
    pub async fn pass(&mut self) -> Result<PassReport, StoreError> {
        let span = debug_span!("relay.log", name = %self.name);
        async {
            self.waits.wake(self.time.now());
            let per_key = self.config.ordering == OutboxOrder::PerKey;
            // In key order whoever waits is one of a key; without it, rows that wait are read and left.
            let left = if per_key { 0 } else { self.waits.len() };
            let request = TailRequest {
                limit: self.config.batch.max(1).saturating_add(left),
                ordering: self.config.ordering,
                when_dead: self.when_dead(),
                except_topics: self.publisher.left_alone(),
                except_keys: if per_key { self.waits.keys() } else { Vec::new() },
            };
            let mut rows = answered(&*self.clock, self.config.store_limit, self.store.tail(&request)).await?;
            let full = rows.len() >= request.limit;
            rows.retain(|row| self.waits.lets_go(row));
            let report = PassReport { claimed: rows.len(), full, ..PassReport::default() };
            let window = LogWindow::new(rows, per_key, |row| self.survived.without(row.row, row.attempts));
            self.work_off(window, report).await
        }
        .instrument(span)
        .await
    }

    /// Returns the effect of a dead row: without an order by key it is in nobody's way.
    fn when_dead(&self) -> WhenDead {
        if self.config.ordering == OutboxOrder::PerKey { self.config.when_dead } else { WhenDead::SkipDead }
    }

    async fn work_off(&mut self, mut window: LogWindow, mut report: PassReport) -> Result<PassReport, StoreError> {
        let (mut passed, batch) = (Passed::new(), self.config.batch.max(1));
        'window: loop {
            // Whatever ended the process before this one is among the first rows, and shows in who it is that goes alone.
            let alone = self.proven < batch;
            let next = window.next_batch(batch);
            if next.is_empty() {
                break;
            }
            let Batches { batches, left } = self.publisher.batches(next, |row| &row.message.topic);
            // The log shows them again; until then nothing of their keys overtakes them.
            left.into_iter().for_each(|row| window.hold(row.message.order_key()));
            for batch in batches {
                if self.stop.is_set() {
                    break 'window;
                }
                match alone {
                    true => self.publish_alone(batch, &mut window, &mut passed, &mut report).await?,
                    false => self.publish(batch, &mut window, &mut passed, &mut report).await,
                }
            }
        }
        self.store(&mut window, &mut report).await?;
        for suspect in window.take_suspects() {
            self.publish_alone(vec![suspect], &mut window, &mut passed, &mut report).await?;
        }
        report.expired = self.publisher.take_expired();
        Ok(report)
    }

    /// Publishes rows, and notes what became of each.
    pub(super) async fn publish(
        &mut self,
        batch: Vec<OutboxRow>,
        window: &mut LogWindow,
        passed: &mut Passed,
        report: &mut PassReport,
    ) {
        let rows: Vec<_> = batch.iter().map(|row| (row.row, self.publisher.next_attempt(row.row))).collect();
        let messages: Vec<_> = batch.into_iter().map(|row| row.message).collect();
        let outcomes = self.publisher.publish(&rows, &messages, passed, &self.config, &self.scopes).await;
        for (((row, _), message), outcome) in rows.into_iter().zip(messages).zip(outcomes) {
            if let SettleOutcome::Retry { delay, .. } | SettleOutcome::Release { delay } = &outcome {
                if !delay.is_zero() {
                    self.waits.put_off(row, message.order_key(), self.time.now(), *delay);
                }
                report.count(&outcome, true);
            }
            window.note(message, outcome);
        }
    }

    /// Stores how far a pass came, if it came any further, trying again while the store is busy: doing it twice does no harm,
    /// and what is not stored is published twice.
    pub(super) async fn store(&mut self, window: &mut LogWindow, report: &mut PassReport) -> Result<(), StoreError> {
        if window.settled.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = window.settled.iter().map(|(message, _)| *message).collect();
        let span = debug_span!("settle", messages = %List(&ids), position = field::Empty);
        let mut retries = 0;
        let marked = loop {
            let stored = answered(&*self.clock, self.config.store_limit, self.try_store(window));
            match stored.instrument(span.clone()).await {
                Ok((marked, position)) => {
                    span.record("position", position);
                    break marked;
                }
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
        for ((message, outcome), marked) in window.settled.iter().zip(marked) {
            report.count(outcome, marked);
            if let (SettleOutcome::Dead { reason }, true) = (outcome, marked) {
                warn!(%message, %reason, "outbox row is dead");
            }
        }
        window.settled.clear();
        Ok(())
    }

    /// Marks what a window settled and moves the position, in one transaction. Returns which rows were marked, and the
    /// position.
    async fn try_store(&self, window: &LogWindow) -> Result<(Vec<bool>, u64), StoreError> {
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
        let position = tx.outbox_settled_to(self.when_dead()).await?;
        // A redriven row may lie before it, and another relay of this name may be further: a position never goes back.
        if tx.checkpoint(&self.name).await?.is_none_or(|stored| stored < position) {
            tx.set_checkpoint(&self.name, position).await?;
        }
        tx.commit().await?;
        Ok((marked, position))
    }
}
