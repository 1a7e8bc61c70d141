mod statements;

use std::{any::Any, sync::Arc};

use async_trait::async_trait;
use seaworthy_core::ports::{StoreError, Transaction};
use smol_str::SmolStr;

use super::{
    Door,
    door::{Reach, Strike},
    refusal::{conflict, outcome_of, unavailable, unknown},
};
use crate::{
    plan::Point,
    trace::{Effect, Outcome, TxId, What},
};

/// A transaction behind the shell. It remembers what it would make true, to say so when it commits.
pub(super) struct TransactionShell {
    door: Door,
    store: SmolStr,
    tx: TxId,
    inner: Option<Box<dyn Transaction>>,
    effects: Vec<Effect>,
}

impl TransactionShell {
    pub(super) fn new(door: Door, store: SmolStr, tx: TxId, inner: Box<dyn Transaction>) -> Self {
        Self { door, store, tx, inner: Some(inner), effects: Vec::new() }
    }

    /// Asks for a verdict before a statement. After an error nothing is left but to drop the transaction, as on a
    /// real database.
    async fn statement(&mut self, point: Point, on: &str) -> Result<Strike, StoreError> {
        let strike = self.door.enter(point, Reach::Statement).await;
        let error = match strike {
            Strike::Conflict => conflict(),
            Strike::Unavailable => unavailable(),
            _ if self.inner.is_none() => {
                StoreError::Unavailable(SmolStr::new_static("the transaction was aborted by an earlier error"))
            }
            _ => return Ok(strike),
        };
        self.failed(point, on, &error);
        self.door.leave(strike).await;
        Err(error)
    }

    fn failed(&mut self, point: Point, on: &str, error: &StoreError) {
        self.inner = None;
        self.record(point, on, outcome_of(error));
    }

    fn record(&self, point: Point, on: &str, outcome: Outcome) {
        self.door.record(What::Statement { tx: self.tx, point, on: on.into(), outcome });
    }

    /// Ends a statement: writes it down and passes its result on.
    async fn done<T>(
        &mut self,
        point: Point,
        on: &str,
        strike: Strike,
        result: Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match &result {
            Ok(_) => self.record(point, on, Outcome::Done),
            Err(error) => self.failed(point, on, error),
        }
        self.door.leave(strike).await;
        result
    }
}

/// Runs one statement on the inner transaction, between verdict and record.
macro_rules! statement {
    ($self:ident, $point:expr, $on:expr, |$inner:ident| $call:expr) => {{
        let strike = $self.statement($point, $on).await?;
        let result = match $self.inner.as_mut() {
            Some($inner) => $call.await,
            None => Err($crate::shell::refusal::unavailable()),
        };
        $self.done($point, $on, strike, result).await
    }};
}

use statement;

#[async_trait]
impl Transaction for TransactionShell {
    async fn checkpoint(&mut self, consumer: &str) -> Result<Option<u64>, StoreError> {
        statement!(self, Point::Read, "checkpoints", |inner| inner.checkpoint(consumer))
    }

    async fn set_checkpoint(&mut self, consumer: &str, position: u64) -> Result<(), StoreError> {
        statement!(self, Point::Write, "checkpoints", |inner| inner.set_checkpoint(consumer, position))?;
        self.effects.push(Effect::Checkpoint { consumer: consumer.into(), position });
        Ok(())
    }

    async fn raw_connection(&mut self) -> Result<&mut (dyn Any + Send), StoreError> {
        let strike = self.statement(Point::Statement, "connection").await?;
        self.record(Point::Statement, "connection", Outcome::Done);
        self.door.leave(strike).await;
        match self.inner.as_mut() {
            Some(inner) => inner.raw_connection().await,
            None => Err(unavailable()),
        }
    }

    fn observe(&mut self, fact: &'static str, subject: &str, value: i64) {
        self.effects.push(Effect::Observed { fact, subject: subject.into(), value });
    }

    async fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        let strike = self.door.enter(Point::Commit, Reach::Network).await;
        let inner = self.inner.take();
        let (result, outcome) = match (strike, inner) {
            (_, None) => (
                Err(StoreError::Unavailable(SmolStr::new_static("the transaction was aborted by an earlier error"))),
                Outcome::Unavailable,
            ),
            (Strike::Conflict, _) => (Err(conflict()), Outcome::Conflict),
            (Strike::Unavailable, _) => (Err(unavailable()), Outcome::Unavailable),
            (Strike::LoseRequest, _) => (Err(unknown()), Outcome::NotDoneUnheard),
            (Strike::LoseReply, Some(inner)) => match inner.commit().await {
                Ok(()) => (Err(unknown()), Outcome::DoneUnheard),
                Err(_) => (Err(unknown()), Outcome::NotDoneUnheard),
            },
            (Strike::CrashAfter(_), Some(inner)) => match inner.commit().await {
                Ok(()) => (Ok(()), Outcome::DoneUnheard),
                Err(error) => (Err(error), Outcome::NotDoneUnheard),
            },
            (_, Some(inner)) => match inner.commit().await {
                Ok(()) => (Ok(()), Outcome::Done),
                Err(error) => {
                    let outcome = outcome_of(&error);
                    (Err(error), outcome)
                }
            },
        };
        let effects = std::mem::take(&mut self.effects);
        let effects = if outcome.took_effect() { effects.into() } else { Arc::from([]) };
        self.door.record(What::Commit { tx: self.tx, store: self.store.clone(), outcome, effects });
        // Told from a drop by its number: a transaction that was committed does not abort as well.
        self.tx = TxId(0);
        self.door.leave(strike).await;
        result
    }
}

impl Drop for TransactionShell {
    fn drop(&mut self) {
        if self.tx != TxId(0) {
            self.door.record(What::Abort { tx: self.tx });
        }
    }
}
