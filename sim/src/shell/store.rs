use std::sync::Arc;

use async_trait::async_trait;
use seaworthy_core::{
    ids::{ClaimToken, SagaId},
    ports::{
        AcquireRequest, Backlog, ClaimRequest, DeadLetter, InboxStore, LogEntry, OutboxRow, OutboxState, OutboxStore,
        PurgeRequest, RedriveRequest, SagaInstance, SagaStore, SettleOutcome, Settlement, Store, StoreError, Timestamp,
        Transaction,
    },
};
use smol_str::SmolStr;

use super::{
    Door,
    refusal::{conflict, outcome_of, unavailable, unknown},
    strike::{Reach, Strike},
    transaction::TransactionShell,
};
use crate::{
    plan::Point,
    trace::{ClaimedRow, Outcome, SettledRow, TxId, What},
};

/// Any store behind the shell.
pub(super) struct StoreShell {
    door: Door,
    name: SmolStr,
    inner: Arc<dyn Store>,
}

impl StoreShell {
    pub(super) fn new(door: Door) -> Self {
        let (name, inner) = door.world.stores[door.world.store_of(door.life.process)].clone();
        Self { door, name, inner }
    }

    /// One call outside a transaction: judged, carried out, written down.
    async fn call<T>(
        &self,
        point: Point,
        inner: impl Future<Output = Result<T, StoreError>> + Send + Unpin,
        what: impl FnOnce(Option<&T>, Outcome) -> Option<What> + Send,
    ) -> Result<T, StoreError> {
        let mut call = self.door.enter(point, Reach::Network).await;
        let strike = call.strike().await;
        let refused = match strike {
            Strike::Conflict => Some((conflict(), Outcome::Conflict)),
            Strike::Unavailable => Some((unavailable(), Outcome::Unavailable)),
            Strike::LoseRequest => Some((unknown(), Outcome::NotDoneUnheard)),
            _ => None,
        };
        if let Some((error, outcome)) = refused {
            if let Some(what) = what(None, outcome) {
                self.door.record(what);
            }
            return Err(error);
        }
        let result = self.door.answered(point, None, inner).await;
        let outcome = match &result {
            Ok(_) if strike.is_unheard() => Outcome::DoneUnheard,
            Ok(_) => Outcome::Done,
            Err(error) => {
                self.door.note_error(point, error);
                outcome_of(error)
            }
        };
        if let Some(what) = what(result.as_ref().ok(), outcome) {
            self.door.record(what);
        }
        call.leave().await;
        if strike == Strike::LoseReply { Err(unknown()) } else { result }
    }

    async fn plain<T>(
        &self,
        point: Point,
        operation: &'static str,
        inner: impl Future<Output = Result<T, StoreError>> + Send + Unpin,
        count: impl FnOnce(&T) -> u64 + Send,
    ) -> Result<T, StoreError> {
        self.call(point, inner, |value, outcome| {
            let count = value.map_or(0, count);
            Some(What::StoreCall { store: self.name.clone(), point, operation, count, outcome })
        })
        .await
    }
}

#[async_trait]
impl Store for StoreShell {
    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        let mut call = self.door.enter(Point::Begin, Reach::Network).await;
        let begun = match call.strike().await {
            Strike::Unavailable => Err(unavailable()),
            _ => self.door.answered(Point::Begin, None, self.inner.begin()).await,
        };
        match begun {
            Ok(inner) => {
                let tx = self.door.world.next_tx();
                self.door.record(What::Begin { tx, outcome: Outcome::Done });
                call.leave().await;
                Ok(Box::new(TransactionShell::new(self.door.clone(), self.name.clone(), tx, inner)))
            }
            Err(error) => {
                self.door.note_error(Point::Begin, &error);
                self.door.record(What::Begin { tx: TxId(0), outcome: outcome_of(&error) });
                call.leave().await;
                Err(error)
            }
        }
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.plain(Point::Upkeep, "backlog", self.inner.backlog(), |_| 0).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.plain(Point::Upkeep, "now", self.inner.now(), |_| 0).await
    }
}

#[async_trait]
impl OutboxStore for StoreShell {
    async fn claim(&self, request: &ClaimRequest) -> Result<Vec<OutboxRow>, StoreError> {
        self.call(Point::Claim, self.inner.claim(request), |rows: Option<&Vec<OutboxRow>>, outcome| {
            let rows = rows.into_iter().flatten();
            let rows = rows.map(|row| ClaimedRow { row: row.row, message: row.message.id, attempts: row.attempts });
            Some(What::Claim { store: self.name.clone(), token: request.token, rows: rows.collect(), outcome })
        })
        .await
    }

    async fn settle(&self, token: ClaimToken, settlements: &[Settlement]) -> Result<Vec<bool>, StoreError> {
        self.call(Point::Settle, self.inner.settle(token, settlements), |held: Option<&Vec<bool>>, outcome| {
            let rows = settlements.iter().enumerate().map(|(index, settlement)| SettledRow {
                row: settlement.row,
                as_what: match settlement.outcome {
                    SettleOutcome::Dispatched => "dispatched",
                    SettleOutcome::Retry { .. } => "retry",
                    SettleOutcome::Release { .. } => "release",
                    SettleOutcome::Dead { .. } => "dead",
                },
                held: held.is_some_and(|held| held[index]),
            });
            Some(What::Settle { store: self.name.clone(), token, rows: rows.collect(), outcome })
        })
        .await
    }

    async fn tail(&self, after: u64, limit: usize) -> Result<Vec<(OutboxRow, OutboxState)>, StoreError> {
        self.plain(Point::Claim, "tail", self.inner.tail(after, limit), |rows| rows.len() as u64).await
    }

    async fn dead_rows(&self, limit: usize) -> Result<Vec<(OutboxRow, SmolStr)>, StoreError> {
        self.plain(Point::Upkeep, "dead_rows", self.inner.dead_rows(limit), |rows| rows.len() as u64).await
    }

    async fn redrive(&self, request: &RedriveRequest) -> Result<u64, StoreError> {
        self.plain(Point::Upkeep, "redrive", self.inner.redrive(request), |count| *count).await
    }

    async fn purge_dispatched(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        self.plain(Point::Upkeep, "purge_dispatched", self.inner.purge_dispatched(request), |count| *count).await
    }

    async fn purge_dead(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        self.plain(Point::Upkeep, "purge_dead", self.inner.purge_dead(request), |count| *count).await
    }

    async fn next_available(&self) -> Result<Option<Timestamp>, StoreError> {
        let count = |at: &Option<Timestamp>| u64::from(at.is_some());
        self.plain(Point::Upkeep, "next_available", self.inner.next_available(), count).await
    }
}

#[async_trait]
impl InboxStore for StoreShell {
    async fn dead_letters(&self, consumer: &str, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        let count = |letters: &Vec<DeadLetter>| letters.len() as u64;
        self.plain(Point::Upkeep, "dead_letters", self.inner.dead_letters(consumer, limit), count).await
    }

    async fn purge_inbox(&self, consumer: &str, request: &PurgeRequest) -> Result<u64, StoreError> {
        self.plain(Point::Upkeep, "purge_inbox", self.inner.purge_inbox(consumer, request), |count| *count).await
    }
}

#[async_trait]
impl SagaStore for StoreShell {
    async fn acquire_sagas(&self, request: &AcquireRequest) -> Result<Vec<SagaInstance>, StoreError> {
        self.call(Point::Recover, self.inner.acquire_sagas(request), |sagas: Option<&Vec<SagaInstance>>, outcome| {
            let sagas = sagas.into_iter().flatten().map(|saga| (saga.id, saga.epoch)).collect();
            Some(What::Acquire { store: self.name.clone(), sagas, outcome })
        })
        .await
    }

    async fn renew_saga(&self, saga: SagaId, epoch: u64, lease: std::time::Duration) -> Result<bool, StoreError> {
        let count = |renewed: &bool| u64::from(*renewed);
        self.plain(Point::Recover, "renew_saga", self.inner.renew_saga(saga, epoch, lease), count).await
    }

    async fn saga(&self, id: SagaId) -> Result<Option<SagaInstance>, StoreError> {
        let count = |saga: &Option<SagaInstance>| u64::from(saga.is_some());
        self.plain(Point::Recover, "saga", self.inner.saga(id), count).await
    }

    async fn saga_by_key(&self, definition: &str, key: &str) -> Result<Option<SagaInstance>, StoreError> {
        let count = |saga: &Option<SagaInstance>| u64::from(saga.is_some());
        self.plain(Point::Recover, "saga_by_key", self.inner.saga_by_key(definition, key), count).await
    }

    async fn saga_log(&self, id: SagaId, after: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        let count = |entries: &Vec<LogEntry>| entries.len() as u64;
        self.plain(Point::Recover, "saga_log", self.inner.saga_log(id, after, limit), count).await
    }

    async fn purge_saga_logs(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        self.plain(Point::Upkeep, "purge_saga_logs", self.inner.purge_saga_logs(request), |count| *count).await
    }
}
