//! The bugs of the outbox.

use std::time::Duration;

use async_trait::async_trait;
use seaworthy_core::{
    ids::{ClaimToken, MessageId},
    message::{Headers, Schedule},
    ports::{
        ClaimRequest, DeadRow, DeadRowRequest, DelegateStore, OutboxOrder, OutboxRow, Part, PurgeRequest,
        RepublishRequest, SettleOutcome, Settlement, Store, StoreError, TailRequest, Timestamp, WhenDead,
    },
};

use super::{Broken, Bug};

/// The layer whose outbox is broken.
pub(super) struct BrokenOutbox(pub(super) Broken);

impl BrokenOutbox {
    /// The messages of rows, as they are told.
    fn named(&self, mut messages: Vec<MessageId>) -> Vec<MessageId> {
        if self.0.has(Bug::NamesOtherRows) {
            messages.fill(MessageId(uuid::Uuid::nil()));
        }
        messages
    }

    async fn release(&self, token: ClaimToken, rows: &[OutboxRow]) -> Result<(), StoreError> {
        let outcome = SettleOutcome::Release { delay: Duration::ZERO };
        let all: Vec<_> = rows.iter().map(|row| Settlement { row: row.row, outcome: outcome.clone() }).collect();
        self.0.inner.settle(token, &all).await.map(|_| ())
    }
}

#[async_trait]
impl DelegateStore for BrokenOutbox {
    fn inner(&self) -> &dyn Store {
        &*self.0.inner
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Vec<OutboxRow>, StoreError> {
        if self.0.has(Bug::ClaimsAnOutboxThatItHasNot) {
            return Err(Part::Outbox.refusal());
        }
        let mut asked = request.clone();
        match self.0.bug {
            Bug::LeasesForNoTime => asked.lease = Duration::ZERO,
            Bug::LeasesForEver => asked.lease = request.lease * 1_000,
            Bug::ClaimsWithoutOrder => asked.ordering = OutboxOrder::Unordered,
            Bug::ClaimsInOrderAlways => asked.ordering = OutboxOrder::PerKey,
            Bug::SkipsTheDead => asked.when_dead = WhenDead::SkipDead,
            Bug::StopsAtTheDead => asked.when_dead = WhenDead::BlockKey,
            Bug::ClaimsOneRowAtATime => asked.limit = asked.limit.min(1),
            Bug::ClaimsByRowNumber => (asked.ordering, asked.limit) = (OutboxOrder::Unordered, usize::MAX),
            Bug::TakesTheOldestFirst => asked.limit = usize::MAX,
            Bug::TakesTopicsThatAreLeftAlone => asked.except_topics.clear(),
            _ => {}
        }
        let mut rows = self.0.inner.claim(&asked).await?;
        if self.0.has(Bug::ClaimsByRowNumber) {
            rows.sort_by_key(|row| self.0.notes().staged.iter().position(|id| *id == row.message.id));
            let rest = rows.split_off(rows.len().min(request.limit));
            self.release(request.token, &rest).await?;
        }
        if self.0.has(Bug::TakesTheOldestFirst) {
            let rest = rows.split_off(rows.len().min(request.limit));
            self.release(request.token, &rest).await?;
        }
        if self.0.has(Bug::ShowsWhatIsLeased) {
            self.0.notes().leased.extend(rows.iter().cloned());
        }
        if self.0.has(Bug::SendsRedrivenRowsAtOnce) {
            let all = self.0.inner.claim(&ClaimRequest { ordering: OutboxOrder::Unordered, ..asked }).await?;
            let (redriven, others): (Vec<_>, Vec<_>) =
                all.into_iter().partition(|row| self.0.notes().redriven.contains(&row.message.id));
            self.release(request.token, &others).await?;
            rows.extend(redriven);
        }
        // Others of the key wait until the moment has come.
        let waits = |row: &OutboxRow| {
            row.message.schedule.not_before.is_none() && self.0.notes().scheduled.contains(&row.message.partition_key)
        };
        rows.retain(|row| !waits(row));
        let latest = rows.iter().map(|row| row.message.epoch).max();
        for row in &mut rows {
            if self.0.has(Bug::DealsItsEpochToAll) {
                row.message.epoch = latest.expect("there is a row");
            }
            self.0.notes().holders.insert(row.row, request.token);
            if self.0.has(Bug::DropsTraceparents) {
                row.message.traceparent = None;
            }
            if self.0.has(Bug::KeepsItsEpochForLife) {
                row.message.epoch = *self.0.notes().epoch.get_or_insert(row.message.epoch);
            }
            if self.0.has(Bug::HasNoEpoch) {
                row.message.epoch = 0;
            }
            if self.0.has(Bug::DropsHeaders) {
                row.message.headers = Headers::new();
            }
            if self.0.has(Bug::DropsMoments) {
                row.message.schedule = Schedule::NONE;
            }
            if self.0.has(Bug::ForgetsGaps) {
                row.message.gap = 0;
            }
            if self.0.has(Bug::RepublishesUnderNewSequences) && self.0.notes().republished.contains(&row.message.id) {
                row.message.sequence += 1_000;
            }
            if self.0.has(Bug::RedrivesUnderNewIds) && self.0.notes().redriven.contains(&row.message.id) {
                row.message.id = MessageId(uuid::Uuid::from_u128(1));
            }
        }
        Ok(rows)
    }

    async fn settle(&self, token: ClaimToken, settlements: &[Settlement]) -> Result<Vec<bool>, StoreError> {
        let mut settlements = settlements.to_vec();
        for settlement in &mut settlements {
            settlement.outcome = match (self.0.bug, &settlement.outcome) {
                (Bug::RetriesAtOnce, SettleOutcome::Retry { error, .. }) => {
                    SettleOutcome::Retry { delay: Duration::ZERO, error: error.clone() }
                }
                (Bug::CountsReleases, SettleOutcome::Release { delay }) => {
                    SettleOutcome::Retry { delay: *delay, error: "released".into() }
                }
                (_, outcome) => outcome.clone(),
            };
        }
        if self.0.has(Bug::SettlesForAnyone) {
            let mut settled = Vec::new();
            for settlement in settlements {
                let holder = self.0.notes().holders.get(&settlement.row).copied().unwrap_or(token);
                settled.extend(self.0.inner.settle(holder, &[settlement]).await?);
            }
            return Ok(settled);
        }
        let settled = self.0.inner.settle(token, &settlements).await?;
        Ok(if self.0.has(Bug::SaysEverythingSettled) { vec![true; settled.len()] } else { settled })
    }

    async fn tail(&self, request: &TailRequest) -> Result<Vec<OutboxRow>, StoreError> {
        let mut asked = request.clone();
        match self.0.bug {
            Bug::ShowsWhatIsBehindTheDead => asked.when_dead = WhenDead::SkipDead,
            Bug::TakesTopicsThatAreLeftAlone => asked.except_topics.clear(),
            _ => {}
        }
        let mut rows = self.0.inner.tail(&asked).await?;
        match self.0.bug {
            Bug::ReadsTheLogBackwards => rows.reverse(),
            Bug::ForgetsGaps => rows.iter_mut().for_each(|row| row.message.gap = 0),
            Bug::ShowsWhatIsLeased => rows.extend(self.0.notes().leased.iter().cloned()),
            _ => {}
        }
        Ok(rows)
    }

    async fn dead_rows(&self, request: &DeadRowRequest) -> Result<Vec<DeadRow>, StoreError> {
        if self.0.has(Bug::ListsAnyDeadRow) {
            return self.0.inner.dead_rows(&DeadRowRequest::new(request.limit)).await;
        }
        let mut rows = self.0.inner.dead_rows(request).await?;
        if self.0.has(Bug::ListsDeadRowsByTheirSequence) {
            rows.sort_by_key(|dead| dead.row.message.sequence);
        }
        if self.0.has(Bug::ForgetsReasons) {
            rows.iter_mut().for_each(|dead| dead.reason = "failed".into());
        }
        Ok(rows)
    }

    async fn redrive(&self, request: &DeadRowRequest) -> Result<Vec<MessageId>, StoreError> {
        let dead = self.0.inner.dead_rows(&DeadRowRequest::new(usize::MAX)).await?;
        self.0.notes().redriven.extend(dead.into_iter().map(|dead| dead.row.message.id));
        match self.0.bug {
            Bug::RedrivesEverything => return self.0.inner.redrive(&DeadRowRequest::new(usize::MAX)).await,
            Bug::RedrivesAnyDeadRow => return self.0.inner.redrive(&DeadRowRequest::new(request.limit)).await,
            _ => {}
        }
        if let Some(named) = &request.only
            && self.0.has(Bug::RedrivesInTheOrderNamed)
        {
            let mut redriven = Vec::new();
            for event in named {
                let one = DeadRowRequest::new(request.limit - redriven.len()).only([*event]);
                redriven.extend(self.0.inner.redrive(&one).await?);
            }
            return Ok(redriven);
        }
        Ok(self.named(self.0.inner.redrive(request).await?))
    }

    async fn purge_dispatched(&self, request: &PurgeRequest) -> Result<Vec<MessageId>, StoreError> {
        if self.0.has(Bug::PurgesTheDead) {
            self.0.inner.purge_dead(&DeadRowRequest::new(request.limit)).await?;
        }
        if self.0.has(Bug::PurgesPendingRows) {
            let token = ClaimToken(uuid::Uuid::from_u128(7));
            let lease = Duration::from_secs(1);
            let (ordering, when_dead) = (OutboxOrder::PerKey, WhenDead::BlockKey);
            let claim = ClaimRequest { token, limit: 1, lease, ordering, when_dead, except_topics: Vec::new() };
            for row in self.0.inner.claim(&claim).await? {
                self.0.inner.settle(token, &[Settlement { row: row.row, outcome: SettleOutcome::Dispatched }]).await?;
            }
        }
        Ok(self.named(self.0.inner.purge_dispatched(&self.0.purge_request(request)).await?))
    }

    async fn purge_dead(&self, request: &DeadRowRequest) -> Result<Vec<MessageId>, StoreError> {
        if self.0.has(Bug::PurgesAnyDeadRow) {
            return self.0.inner.purge_dead(&DeadRowRequest::new(request.limit)).await;
        }
        if self.0.has(Bug::KeepsPurgedRows) {
            return Ok(Vec::new());
        }
        Ok(self.named(self.0.inner.purge_dead(request).await?))
    }

    async fn republish(&self, request: &RepublishRequest) -> Result<Vec<MessageId>, StoreError> {
        let mut asked = request.clone();
        match self.0.bug {
            Bug::RepublishesWhatWasSentSince => asked.until = Timestamp::MAX,
            Bug::RepublishesWhatWasSentBefore => asked.since = Timestamp::EPOCH,
            Bug::RepublishesEveryTopic => asked.topic = None,
            _ => {}
        }
        let republished = self.0.inner.republish(&asked).await?;
        self.0.notes().republished.extend(&republished);
        Ok(republished)
    }

    async fn next_available(&self) -> Result<Option<Timestamp>, StoreError> {
        if self.0.has(Bug::KnowsNoNextMoment) { Ok(None) } else { self.0.inner.next_available().await }
    }
}
