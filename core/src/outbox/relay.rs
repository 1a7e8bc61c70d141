use std::{collections::VecDeque, pin::pin, sync::Arc, time::Duration};

use smol_str::SmolStr;
use tracing::{Instrument, debug, debug_span, warn};

use super::{
    PassReport, RelayConfig,
    poll::{Polling, can_relay},
    publisher::Publisher,
};
use crate::{
    ids::{ClaimToken, List, MessageId},
    ports::{
        Broker, ClaimRequest, Clock, OutboxOrder, OutboxRow, Part, Ports, Random, Scopes, SettleOutcome, Settlement,
        Store, StoreError, Timestamp, draw_id, scoped,
    },
    stop::Stop,
    wake::Wake,
};

/// Publishes what was staged: claims rows, publishes them with no transaction open, settles each by its own result.
///
/// | the broker says | the row |
/// |---|---|
/// | accepted | is dispatched |
/// | refused | is dead |
/// | unavailable | is given back; no attempt is spent. If nothing passed at all the relay pauses, longer each time |
/// | unknown | is tried again under the same id; the attempt is spent only if others pass meanwhile |
///
/// Any number of relays may run on one store. Settling is fenced by the claim, so that a relay whose lease has ended
/// changes nothing. Every call to the broker must end: a relay waits as long as its adapter does.
///
/// ```
/// use seaworthy_core::{outbox::Relay, ports::Ports, wake::Wake};
///
/// async fn process(ports: Ports) {
///     let wake = Wake::new(); // its clones are for those who stage messages
///     Relay::new(&ports).wake(wake).run().await;
/// }
/// ```
pub struct Relay {
    store: Arc<dyn Store>,
    publisher: Publisher,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    config: RelayConfig,
    wake: Wake,
    /// Passes may be dropped one by one.
    scopes: Scopes,
    stop: Stop,
}

impl Relay {
    /// A relay of a process: it publishes what is staged in the process's store until the process is asked to stop, with
    /// the default configuration, and polls for work unless it is given a [`wake`](Self::wake).
    pub fn new(ports: &Ports) -> Self {
        let Ports { store, broker, clock, random, stop, .. } = ports;
        let mut relay = Self::from_parts(store.clone(), broker.clone(), clock.clone(), random.clone());
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
    ) -> Self {
        let publisher = Publisher::new(broker, Arc::clone(&random));
        let (config, wake, scopes, stop) = (RelayConfig::default(), Wake::new(), None, Stop::new());
        Self { store, publisher, clock, random, config, wake, scopes, stop }
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

    /// Publishes until a stop is asked for. What is claimed and not published by then is given back.
    ///
    /// Ends at once, with an error in the log, if the store has no [outbox](Part::Outbox) or a setting
    /// [can't work](RelayConfig::check).
    ///
    /// Dropping the future, as a crash does, leaves claimed rows to the end of their lease.
    pub async fn run(mut self) {
        if !can_relay(&self.config, &*self.store, &[Part::Outbox]) {
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

    /// Claims once, publishes what it got and settles it. For tests, and for loops of one's own.
    ///
    /// # Errors
    /// Any [`StoreError`] of claiming, or of settling after it was tried again. Rows that stay claimed come back when
    /// their lease ends, and may then be published twice under the same id.
    pub async fn pass(&mut self) -> Result<PassReport, StoreError> {
        let started = self.clock.now();
        let token = ClaimToken(draw_id(&*self.clock, &*self.random));
        let request = ClaimRequest {
            token,
            limit: self.config.batch,
            lease: self.config.lease,
            ordering: self.config.ordering,
            when_dead: self.config.when_dead,
        };
        let span = debug_span!("relay", claim = %token);
        async {
            let rows = self.store.claim(&request).await?;
            if rows.is_empty() {
                return Ok(PassReport::default());
            }
            self.work_off(token, started, rows).await
        }
        .instrument(span)
        .await
    }

    async fn work_off(
        &mut self,
        token: ClaimToken,
        started: Timestamp,
        mut rows: Vec<OutboxRow>,
    ) -> Result<PassReport, StoreError> {
        let mut report =
            PassReport { claimed: rows.len(), full: rows.len() >= self.config.batch, ..PassReport::default() };
        // A row that was claimed so often may be what kills its relays. It goes last and alone, after all others are
        // settled, so that it takes none of them with it.
        let suspects: Vec<_> = rows.extract_if(.., |row| row.attempts > self.config.max_attempts).collect();
        let first = (!rows.is_empty()).then_some(rows);
        let mut batches: VecDeque<_> = first.into_iter().chain(suspects.into_iter().map(|row| vec![row])).collect();
        while let Some(batch) = batches.pop_front() {
            if self.stop.is_set() || report.pause.is_some() || self.clock.now().since(started) >= self.config.lease {
                // Beyond the lease another relay may have these rows; settling is fenced, so giving back is safe.
                let unpublished: Vec<_> = batch.into_iter().chain(batches.drain(..).flatten()).collect();
                let messages = message_ids(&unpublished);
                let release = |row: OutboxRow| {
                    let outcome = SettleOutcome::Release { delay: Duration::ZERO };
                    Settlement { row: row.row, outcome }
                };
                let settlements = unpublished.into_iter().map(release).collect();
                self.settle(token, started, &messages, settlements, &mut report).await?;
            } else {
                let messages = message_ids(&batch);
                let settlements = self.publish(batch, &mut report).await;
                self.settle(token, started, &messages, settlements, &mut report).await?;
            }
        }
        Ok(report)
    }

    /// Publishes one batch, and says what is to become of each of its rows.
    async fn publish(&mut self, batch: Vec<OutboxRow>, report: &mut PassReport) -> Vec<Settlement> {
        if let Some(settlements) = self.bury_unpublished(&batch) {
            return settlements;
        }
        let (mut rows, mut messages) = (Vec::with_capacity(batch.len()), Vec::with_capacity(batch.len()));
        for mut row in batch {
            rows.push((row.row, row.attempts));
            if self.config.ordering == OutboxOrder::Unordered {
                // Its place says nothing of when it comes, so no consumer may take an early one for a late duplicate.
                row.message.sequence = 0;
            }
            messages.push(row.message);
        }
        let passed = report.dispatched > 0;
        let outcomes = self.publisher.publish(&rows, &messages, passed, &self.config, report).await;
        rows.into_iter().zip(outcomes).map(|((row, _), outcome)| Settlement { row, outcome }).collect()
    }

    /// A row that was claimed so often without a result that the configuration says to give it up.
    fn bury_unpublished(&self, batch: &[OutboxRow]) -> Option<Vec<Settlement>> {
        let limit = self.config.bury_after_claims?;
        let [row] = batch else { return None };
        (row.attempts > limit.max(self.config.max_attempts)).then(|| {
            let reason = SmolStr::from(format!("claimed {} times without a result", row.attempts - 1));
            vec![Settlement { row: row.row, outcome: SettleOutcome::Dead { reason } }]
        })
    }

    /// Settles rows, trying again while the store is busy: settling twice under one claim does no harm, and rows that
    /// stay claimed would be published twice.
    async fn settle(
        &self,
        token: ClaimToken,
        started: Timestamp,
        messages: &[MessageId],
        settlements: Vec<Settlement>,
        report: &mut PassReport,
    ) -> Result<(), StoreError> {
        let span = debug_span!("settle", messages = %List(messages));
        let mut retries = 0;
        let held = loop {
            match self.store.settle(token, &settlements).instrument(span.clone()).await {
                Ok(held) => break held,
                Err(error) => {
                    let too_late = self.clock.now().since(started) >= self.config.lease;
                    if !error.is_retryable() || too_late || retries >= self.config.settle_retries {
                        return Err(error);
                    }
                    let delay = self.config.store_backoff.delay(retries, &*self.random);
                    debug!(%error, ?delay, "settling is tried again");
                    retries += 1;
                    self.clock.sleep(delay).await;
                }
            }
        };
        for ((settlement, message), held) in settlements.iter().zip(messages).zip(held) {
            report.count(&settlement.outcome, held);
            match &settlement.outcome {
                SettleOutcome::Dead { reason } if held => warn!(%message, %reason, "outbox row is dead"),
                _ if !held => debug!(%message, "claim was lost before the row was settled"),
                _ => {}
            }
        }
        Ok(())
    }
}

fn message_ids(rows: &[OutboxRow]) -> Vec<MessageId> {
    rows.iter().map(|row| row.message.id).collect()
}
