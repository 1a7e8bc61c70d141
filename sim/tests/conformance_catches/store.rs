//! Stores with one bug each, planted between the caller and a store that has none.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    ids::{ClaimToken, MessageId, SagaId},
    ports::{
        AcquireRequest, Backlog, ClaimRequest, DeadLetter, InboxEntry, InboxStore, LogEntry, Ordering, OutboxRow,
        OutboxState, OutboxStore, PurgeRequest, RedriveRequest, RowId, SagaInstance, SagaStatus, SagaStore,
        SettleOutcome, Settlement, Store, StoreError, Timestamp, Transaction, WhenDead,
    },
};
use smol_str::SmolStr;

use super::transaction::BrokenTransaction;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bug {
    // Transactions.
    StagesAtOnce,
    CommitsWhenDropped,
    ForgetsCheckpoints,
    ReadsPastItsOwnWrites,
    ReadsWhatIsCommittedNow,
    SwallowsConflicts,
    // Documents.
    CountsVersionsFromZero,
    IgnoresExpectations,
    DeletesNothing,
    ScansBackwards,
    // Unique keys and inbox.
    TakesDuplicatesForFirst,
    CallsAWaitADuplicate,
    MistakesConsumers,
    ForgetsFailures,
    BuriesWithoutPayload,
    KeepsExhumedLetters,
    HasNoWatermark,
    PurgesDeadLetters,
    // Outbox.
    LeasesForNoTime,
    LeasesForEver,
    SettlesForAnyone,
    SaysEverythingSettled,
    RetriesAtOnce,
    CountsReleases,
    DropsTraceparents,
    KnowsNoNextMoment,
    ClaimsWithoutOrder,
    ClaimsOneRowAtATime,
    ClaimsByRowNumber,
    ClaimsInOrderAlways,
    SkipsTheDead,
    StopsAtTheDead,
    ForgetsReasons,
    RedrivesUnderNewIds,
    RedrivesEverything,
    RedrivesInTheOrderNamed,
    SendsRedrivenRowsAtOnce,
    KeepsPurgedRows,
    PurgesTheDead,
    PurgesPendingRows,
    PurgesYoungRows,
    PurgesWithoutLimit,
    ReadsTheLogBackwards,
    MarksAtOnce,
    HidesDeadRowsFromTheLog,
    HidesLeasesFromTheLog,
    // Sagas and participants.
    LosesSagaInputs,
    KeysSagasByVersion,
    NumbersLogsFromZero,
    AppendsAtAnyLength,
    AppendsUnderAnyEpoch,
    AppendsAgainstItsSnapshot,
    IgnoresSagaLeases,
    WakesSleepers,
    RevivesSagas,
    IgnoresOperators,
    RenewsForAnyone,
    ForgetsAnswers,
    OverwritesTombstones,
    ForgetsOperations,
    ReadsOldCheckpoints,
    // Upkeep.
    ReportsNoBacklog,
    ClockStands,
}

/// A store with one bug.
#[derive(Clone)]
pub(super) struct Broken {
    pub(super) inner: Arc<dyn Store>,
    pub(super) bug: Bug,
    notes: Arc<Mutex<Notes>>,
}

/// What the bugs have to know.
#[derive(Default)]
pub(super) struct Notes {
    holders: BTreeMap<RowId, ClaimToken>,
    redriven: BTreeSet<MessageId>,
    pub(super) staged: Vec<MessageId>,
    pub(super) sagas: Vec<SagaId>,
    pub(super) appends: u64,
    pub(super) checkpoint_reads: u64,
}

impl Broken {
    pub(super) fn new(inner: Arc<dyn Store>, bug: Bug) -> Self {
        Self { inner, bug, notes: Arc::default() }
    }

    pub(super) fn has(&self, bug: Bug) -> bool {
        self.bug == bug
    }

    pub(super) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().expect("no test panics with the notes in hand")
    }

    fn purge_request(&self, request: &PurgeRequest) -> PurgeRequest {
        PurgeRequest {
            older_than: if self.has(Bug::PurgesYoungRows) { Duration::ZERO } else { request.older_than },
            limit: if self.has(Bug::PurgesWithoutLimit) { usize::MAX } else { request.limit },
        }
    }

    async fn release(&self, token: ClaimToken, rows: &[OutboxRow]) -> Result<(), StoreError> {
        let outcome = SettleOutcome::Release { delay: Duration::ZERO };
        let all: Vec<_> = rows.iter().map(|row| Settlement { row: row.row, outcome: outcome.clone() }).collect();
        self.inner.settle(token, &all).await.map(|_| ())
    }
}

#[async_trait]
impl Store for Broken {
    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        Ok(Box::new(BrokenTransaction::new(self.clone(), self.inner.begin().await?)))
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        if self.has(Bug::ReportsNoBacklog) { Ok(Backlog::default()) } else { self.inner.backlog().await }
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        if self.has(Bug::ClockStands) { Ok(Timestamp::EPOCH) } else { self.inner.now().await }
    }
}

#[async_trait]
impl OutboxStore for Broken {
    async fn claim(&self, request: &ClaimRequest) -> Result<Vec<OutboxRow>, StoreError> {
        let mut asked = *request;
        match self.bug {
            Bug::LeasesForNoTime => asked.lease = Duration::ZERO,
            Bug::LeasesForEver => asked.lease = request.lease * 1_000,
            Bug::ClaimsWithoutOrder => asked.ordering = Ordering::Unordered,
            Bug::ClaimsInOrderAlways => asked.ordering = Ordering::PerKey,
            Bug::SkipsTheDead => asked.when_dead = WhenDead::SkipDead,
            Bug::StopsAtTheDead => asked.when_dead = WhenDead::BlockKey,
            Bug::ClaimsOneRowAtATime => asked.limit = asked.limit.min(1),
            Bug::ClaimsByRowNumber => (asked.ordering, asked.limit) = (Ordering::Unordered, usize::MAX),
            _ => {}
        }
        let mut rows = self.inner.claim(&asked).await?;
        if self.has(Bug::ClaimsByRowNumber) {
            rows.sort_by_key(|row| self.notes().staged.iter().position(|id| *id == row.message.id));
            let rest = rows.split_off(rows.len().min(request.limit));
            self.release(request.token, &rest).await?;
        }
        if self.has(Bug::SendsRedrivenRowsAtOnce) {
            let all = self.inner.claim(&ClaimRequest { ordering: Ordering::Unordered, ..asked }).await?;
            let (redriven, others): (Vec<_>, Vec<_>) =
                all.into_iter().partition(|row| self.notes().redriven.contains(&row.message.id));
            self.release(request.token, &others).await?;
            rows.extend(redriven);
        }
        for row in &mut rows {
            self.notes().holders.insert(row.row, request.token);
            if self.has(Bug::DropsTraceparents) {
                row.message.traceparent = None;
            }
            if self.has(Bug::RedrivesUnderNewIds) && self.notes().redriven.contains(&row.message.id) {
                row.message.id = MessageId(uuid::Uuid::from_u128(1));
            }
        }
        Ok(rows)
    }

    async fn settle(&self, token: ClaimToken, settlements: &[Settlement]) -> Result<Vec<bool>, StoreError> {
        let mut settlements = settlements.to_vec();
        for settlement in &mut settlements {
            settlement.outcome = match (self.bug, &settlement.outcome) {
                (Bug::RetriesAtOnce, SettleOutcome::Retry { error, .. }) => {
                    SettleOutcome::Retry { delay: Duration::ZERO, error: error.clone() }
                }
                (Bug::CountsReleases, SettleOutcome::Release { delay }) => {
                    SettleOutcome::Retry { delay: *delay, error: "released".into() }
                }
                (_, outcome) => outcome.clone(),
            };
        }
        if self.has(Bug::SettlesForAnyone) {
            let mut settled = Vec::new();
            for settlement in settlements {
                let holder = self.notes().holders.get(&settlement.row).copied().unwrap_or(token);
                settled.extend(self.inner.settle(holder, &[settlement]).await?);
            }
            return Ok(settled);
        }
        let settled = self.inner.settle(token, &settlements).await?;
        Ok(if self.has(Bug::SaysEverythingSettled) { vec![true; settled.len()] } else { settled })
    }

    async fn tail(&self, after: u64, limit: usize) -> Result<Vec<(OutboxRow, OutboxState)>, StoreError> {
        let mut rows = self.inner.tail(after, limit).await?;
        match self.bug {
            Bug::ReadsTheLogBackwards => rows.reverse(),
            Bug::HidesDeadRowsFromTheLog => rows.retain(|(_, state)| *state != OutboxState::Dead),
            Bug::HidesLeasesFromTheLog => rows.iter_mut().for_each(|(_, state)| {
                if *state == OutboxState::Claimed {
                    *state = OutboxState::Pending;
                }
            }),
            _ => {}
        }
        Ok(rows)
    }

    async fn dead_rows(&self, limit: usize) -> Result<Vec<(OutboxRow, SmolStr)>, StoreError> {
        let mut rows = self.inner.dead_rows(limit).await?;
        if self.has(Bug::ForgetsReasons) {
            rows.iter_mut().for_each(|(_, reason)| *reason = "failed".into());
        }
        Ok(rows)
    }

    async fn redrive(&self, request: &RedriveRequest) -> Result<u64, StoreError> {
        let dead = self.inner.dead_rows(usize::MAX).await?;
        self.notes().redriven.extend(dead.into_iter().map(|(row, _)| row.message.id));
        if self.has(Bug::RedrivesEverything) {
            return self.inner.redrive(&RedriveRequest { only: None, limit: usize::MAX }).await;
        }
        if let Some(named) = &request.only
            && self.has(Bug::RedrivesInTheOrderNamed)
        {
            let mut redriven = 0;
            for event in named {
                let limit = request.limit - redriven as usize;
                redriven += self.inner.redrive(&RedriveRequest { only: Some(vec![*event]), limit }).await?;
            }
            return Ok(redriven);
        }
        self.inner.redrive(request).await
    }

    async fn purge_dispatched(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        if self.has(Bug::PurgesTheDead) {
            self.inner.purge_dead(request).await?;
        }
        if self.has(Bug::PurgesPendingRows) {
            let token = ClaimToken(uuid::Uuid::from_u128(7));
            let lease = Duration::from_secs(1);
            let (ordering, when_dead) = (Ordering::PerKey, WhenDead::BlockKey);
            let claim = ClaimRequest { token, limit: 1, lease, ordering, when_dead };
            for row in self.inner.claim(&claim).await? {
                self.inner.settle(token, &[Settlement { row: row.row, outcome: SettleOutcome::Dispatched }]).await?;
            }
        }
        self.inner.purge_dispatched(&self.purge_request(request)).await
    }

    async fn purge_dead(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        if self.has(Bug::KeepsPurgedRows) { Ok(0) } else { self.inner.purge_dead(request).await }
    }

    async fn next_available(&self) -> Result<Option<Timestamp>, StoreError> {
        if self.has(Bug::KnowsNoNextMoment) { Ok(None) } else { self.inner.next_available().await }
    }
}

#[async_trait]
impl InboxStore for Broken {
    async fn dead_letters(&self, consumer: &str, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        self.inner.dead_letters(consumer, limit).await
    }

    async fn purge_inbox(&self, consumer: &str, request: &PurgeRequest) -> Result<u64, StoreError> {
        if self.has(Bug::PurgesDeadLetters) {
            for letter in self.inner.dead_letters(consumer, usize::MAX).await? {
                let mut tx = self.inner.begin().await?;
                tx.inbox_exhume(&InboxEntry::of(consumer, &letter.message)).await?;
                tx.commit().await?;
            }
        }
        self.inner.purge_inbox(consumer, &self.purge_request(request)).await
    }
}

#[async_trait]
impl SagaStore for Broken {
    async fn acquire_sagas(&self, request: &AcquireRequest) -> Result<Vec<SagaInstance>, StoreError> {
        let mut asked = request.clone();
        if self.has(Bug::IgnoresSagaLeases) {
            asked.lease = Duration::ZERO;
        }
        if self.has(Bug::IgnoresOperators) && asked.only.is_some() {
            return Ok(Vec::new());
        }
        let mut taken = self.inner.acquire_sagas(&asked).await?;
        if self.has(Bug::RevivesSagas) && asked.only.is_none() {
            let known = self.notes().sagas.clone();
            for id in known {
                let stuck = self.inner.saga(id).await?.is_some_and(|saga| saga.status == SagaStatus::Stuck);
                if stuck && taken.len() < asked.limit {
                    taken.extend(self.inner.acquire_sagas(&AcquireRequest { only: Some(id), ..asked.clone() }).await?);
                }
            }
        }
        Ok(taken)
    }

    async fn renew_saga(&self, saga: SagaId, epoch: u64, lease: Duration) -> Result<bool, StoreError> {
        let lease = if self.has(Bug::IgnoresSagaLeases) { Duration::ZERO } else { lease };
        if self.has(Bug::RenewsForAnyone)
            && let Some(found) = self.inner.saga(saga).await?
        {
            return self.inner.renew_saga(saga, found.epoch, lease).await;
        }
        self.inner.renew_saga(saga, epoch, lease).await
    }

    async fn saga(&self, id: SagaId) -> Result<Option<SagaInstance>, StoreError> {
        let mut found = self.inner.saga(id).await?;
        if let Some(saga) = &mut found
            && self.has(Bug::LosesSagaInputs)
        {
            saga.input = bytes::Bytes::new();
        }
        Ok(found)
    }

    async fn saga_by_key(&self, definition: &str, key: &str) -> Result<Option<SagaInstance>, StoreError> {
        self.inner.saga_by_key(definition, key).await
    }

    async fn saga_log(&self, id: SagaId, after: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        let mut log = self.inner.saga_log(id, after, limit).await?;
        if self.has(Bug::NumbersLogsFromZero) {
            log.iter_mut().for_each(|entry| entry.sequence -= 1);
        }
        Ok(log)
    }

    async fn purge_saga_logs(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        self.inner.purge_saga_logs(&self.purge_request(request)).await
    }
}
