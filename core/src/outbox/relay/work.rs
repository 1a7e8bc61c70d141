use std::time::Duration;

use smol_str::format_smolstr;
use tracing::{Instrument, debug, debug_span, warn};

use super::Relay;
use crate::{
    ids::{ClaimToken, List, MessageId},
    outbox::{PassReport, budget::Passed, lease_budget::LeaseBudget, publisher::Batches},
    ports::{OutboxOrder, OutboxRow, SettleOutcome, Settlement, StoreError, Timestamp, answered},
};

/// Number of claims that a row shares with others, whatever becomes of them: one death is an accident, two of the same row are a
/// suspicion.
const CLAIMS_TOGETHER: u32 = 2;

impl Relay {
    /// Publishes what was claimed, for as long as there is time, and settles it.
    pub(super) async fn work_off(
        &mut self,
        token: ClaimToken,
        started: Timestamp,
        mut rows: Vec<OutboxRow>,
    ) -> Result<PassReport, StoreError> {
        let mut report =
            PassReport { claimed: rows.len(), full: rows.len() >= self.config.batch, ..PassReport::default() };
        let (mut passed, mut budget) = (Passed::new(), LeaseBudget::new(started, self.config.lease));
        let (suspects, others) = self.suspects(&mut rows, budget.is_ample(self.clock.now()));
        if self.suspects_wait && !suspects.is_empty() {
            // Last time there was no time left for them behind all others: these go back, but not first.
            self.suspects_wait = false;
            self.publish_suspects(token, suspects, &mut budget, &mut passed, &mut report).await?;
            rows.extend(others);
            self.give_back(token, started, rows, &mut report).await?;
            return Ok(report);
        }
        self.give_back(token, started, others, &mut report).await?;
        let mut left = self.publish_batches(token, rows, &mut budget, &mut passed, &mut report).await?;
        self.suspects_wait = false;
        if !suspects.is_empty() {
            if self.goes_on(&mut budget) {
                self.give_back(token, started, left, &mut report).await?;
                self.publish_suspects(token, suspects, &mut budget, &mut passed, &mut report).await?;
                return Ok(report);
            }
            self.suspects_wait = true;
            left.extend(suspects);
        }
        self.give_back(token, started, left, &mut report).await?;
        Ok(report)
    }

    /// Takes out the rows that may be what kills their relays: claimed again and again, and nobody knows how it ended. They go last,
    /// so that they take no others with them. Which of several it is shows only if not all go at once: half of them do, the least
    /// tried first, and each alone that was claimed more often than a row is tried. Returned besides are those that do not go now:
    /// they are given back at once, so that none is counted for the death of another. Where claims end since they are short, and not
    /// by deaths, dividing would make it worse.
    fn suspects(&self, rows: &mut Vec<OutboxRow>, is_ample: bool) -> (Vec<OutboxRow>, Vec<OutboxRow>) {
        let max_attempts = self.config.max_attempts;
        let together = if is_ample { CLAIMS_TOGETHER.min(max_attempts) } else { max_attempts };
        let mut suspects: Vec<_> = rows.extract_if(.., |row| self.claims(row) > together).collect();
        suspects.sort_by_key(|row| (self.claims(row), row.row));
        let together = suspects.iter().take_while(|row| self.claims(row) <= max_attempts).count();
        let others = suspects.split_off(suspects.len().min((together / 2).max(1)));
        (suspects, others)
    }

    /// Publishes rows batch by batch, for as long as there is time. Returns those that were left, with whose batches the next
    /// pass begins: a batch that takes its time holds the others up once only.
    async fn publish_batches(
        &mut self,
        token: ClaimToken,
        rows: Vec<OutboxRow>,
        budget: &mut LeaseBudget,
        passed: &mut Passed,
        report: &mut PassReport,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let Batches { mut batches, mut left } = self.publisher.batches(rows, |row| &row.message.topic);
        if self.turn > 0 {
            let turn = self.turn % batches.len().max(1);
            batches.rotate_left(turn);
        }
        let mut batches = batches.into_iter();
        let mut published = 0;
        while let Some(batch) = batches.next() {
            if !self.goes_on(budget) {
                left.extend(batch.into_iter().chain(batches.by_ref().flatten()));
                self.turn += published;
                return Ok(left);
            }
            self.publish(token, budget.started(), batch, passed, report).await?;
            published += 1;
        }
        self.turn = 0;
        Ok(left)
    }

    /// Publishes rows that may end their relay. One that goes alone may have to be buried.
    async fn publish_suspects(
        &mut self,
        token: ClaimToken,
        suspects: Vec<OutboxRow>,
        budget: &mut LeaseBudget,
        passed: &mut Passed,
        report: &mut PassReport,
    ) -> Result<(), StoreError> {
        let started = budget.started();
        if let [suspect] = &suspects[..]
            && let Some(buried) = self.bury_unpublished(suspect)
        {
            return self.settle(token, started, &[suspect.message.id], vec![buried], report).await;
        }
        // Whose turn it is among the others is none of theirs.
        let turn = std::mem::take(&mut self.turn);
        let left = self.publish_batches(token, suspects, budget, passed, report).await;
        self.turn = turn;
        self.give_back(token, started, left?, report).await
    }

    /// Returns `true` while one more batch can be published in a pass.
    fn goes_on(&self, budget: &mut LeaseBudget) -> bool {
        !self.stop.is_set() && budget.has_time(self.clock.now())
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

    /// Number of times that a row was claimed, but for claims of which this relay knows how they ended.
    fn claims(&self, row: &OutboxRow) -> u32 {
        self.survived.without(row.row, row.attempts)
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
            let settle = answered(&*self.clock, self.config.store_limit, self.store.settle(token, &settlements));
            match settle.instrument(span.clone()).await {
                Ok(held) => break held,
                Err(error) => {
                    let too_late = self.clock.now().since(started) >= self.config.lease;
                    if !error.is_retryable() || too_late || retries >= self.config.settle_retries {
                        self.survived.untold(&settlements);
                        return Err(error);
                    }
                    let delay = self.config.store_backoff.delay(retries, &*self.random);
                    debug!(%error, ?delay, "settling is tried again");
                    retries += 1;
                    self.clock.sleep(delay).await;
                }
            }
        };
        self.survived.settled(&settlements, &held);
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
