use std::{pin::pin, sync::Arc, time::Duration};

use smol_str::format_smolstr;
use tracing::{Instrument, debug, debug_span, warn};

use super::{
    PassReport, RelayConfig,
    budget::Passed,
    lost_claims::LostClaims,
    poll::{Polling, can_relay},
    publisher::{Batches, Publisher},
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
/// | unavailable | is given back; no attempt is spent. If nothing of its topic was answered the topic is left alone, longer each time |
/// | unknown | is tried again under the same id; the attempt is spent only if others of its topic pass meanwhile |
///
/// A topic that can't be reached stops no other, however many of its rows wait. Later rows of a key wait for earlier ones
/// whatever their topics are.
///
/// Any number of relays may run on one store. Settling is fenced by the claim, so that a relay whose lease has ended
/// changes nothing. A call to the broker that does not end in time, or panics, is one whose outcome is unknown.
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
    lost: LostClaims,
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
        let publisher = Publisher::new(broker, Arc::clone(&clock), Arc::clone(&random));
        let (config, lost) = (RelayConfig::default(), LostClaims::default());
        Self { store, publisher, clock, random, config, lost, wake: Wake::new(), scopes: None, stop: Stop::new() }
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
            except_topics: self.publisher.left_alone(),
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
        let mut passed = Passed::new();
        // A row that was claimed so often may be what kills its relays. It goes last and alone, after all others are
        // settled, so that it takes none of them with it.
        let mut suspects: Vec<_> = rows.extract_if(.., |row| self.claims(row) > self.config.max_attempts).collect();
        let Batches { batches, mut left } = self.publisher.batches(rows, |row| &row.message.topic);
        let mut batches = batches.into_iter();
        while let Some(batch) = batches.next() {
            if self.is_over(started) {
                left.extend(batch.into_iter().chain(batches.by_ref().flatten()));
                break;
            }
            self.publish(token, started, batch, &mut passed, &mut report).await?;
        }
        report.expired = self.publisher.take_expired();
        // Which of several it is shows only if one goes at a time: the least tried first, and the others are given back
        // before, so that none is counted for the death of another.
        suspects.sort_by_key(|row| (self.claims(row), row.row));
        let suspect = (!self.is_over(started) && !suspects.is_empty()).then(|| suspects.remove(0));
        left.append(&mut suspects);
        self.give_back(token, started, left, &mut report).await?;
        if let Some(suspect) = suspect {
            match self.bury_unpublished(&suspect) {
                Some(buried) => self.settle(token, started, &[suspect.message.id], vec![buried], &mut report).await?,
                None => self.publish(token, started, vec![suspect], &mut passed, &mut report).await?,
            }
        }
        Ok(report)
    }

    /// Returns `true` once nothing more is to be published in a pass: beyond its lease another relay may have its rows.
    fn is_over(&self, started: Timestamp) -> bool {
        self.stop.is_set() || self.clock.now().since(started) >= self.config.lease
    }

    /// Gives rows back that were not published. Settling is fenced, so it is safe also beyond the lease.
    async fn give_back(
        &mut self,
        token: ClaimToken,
        started: Timestamp,
        rows: Vec<OutboxRow>,
        report: &mut PassReport,
    ) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let messages = message_ids(&rows);
        let release = |row: OutboxRow| {
            let outcome = SettleOutcome::Release { delay: Duration::ZERO };
            Settlement { row: row.row, outcome }
        };
        self.settle(token, started, &messages, rows.into_iter().map(release).collect(), report).await
    }

    /// Publishes one batch, and settles each of its rows by its own result.
    async fn publish(
        &mut self,
        token: ClaimToken,
        started: Timestamp,
        batch: Vec<OutboxRow>,
        passed: &mut Passed,
        report: &mut PassReport,
    ) -> Result<(), StoreError> {
        let ids = message_ids(&batch);
        let (mut rows, mut messages) = (Vec::with_capacity(batch.len()), Vec::with_capacity(batch.len()));
        for mut row in batch {
            rows.push((row.row, row.attempts));
            if self.config.ordering == OutboxOrder::Unordered {
                // Its place says nothing of when it comes, so no consumer may take an early one for a late duplicate.
                row.message.sequence = 0;
            }
            messages.push(row.message);
        }
        let outcomes = self.publisher.publish(&rows, &messages, passed, &self.config, &self.scopes).await;
        let settlements =
            rows.into_iter().zip(outcomes).map(|((row, _), outcome)| Settlement { row, outcome }).collect();
        self.settle(token, started, &ids, settlements, report).await
    }

    /// Number of times that a row was claimed, but for claims that the store is known to have made nothing of.
    fn claims(&self, row: &OutboxRow) -> u32 {
        self.lost.without(row.row, row.attempts)
    }

    /// A row that was claimed so often without a result that the configuration says to give it up.
    fn bury_unpublished(&self, row: &OutboxRow) -> Option<Settlement> {
        let limit = self.config.bury_after_claims?;
        let claims = self.claims(row);
        (claims > limit.max(self.config.max_attempts)).then(|| {
            let reason = format_smolstr!("claimed {} times without a result", claims - 1);
            Settlement { row: row.row, outcome: SettleOutcome::Dead { reason } }
        })
    }

    /// Settles rows, trying again while the store is busy: settling twice under one claim does no harm, and rows that
    /// stay claimed would be published twice.
    async fn settle(
        &mut self,
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
                        self.lost.add(&settlements);
                        return Err(error);
                    }
                    let delay = self.config.store_backoff.delay(retries, &*self.random);
                    debug!(%error, ?delay, "settling is tried again");
                    retries += 1;
                    self.clock.sleep(delay).await;
                }
            }
        };
        self.lost.forget(&settlements);
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
