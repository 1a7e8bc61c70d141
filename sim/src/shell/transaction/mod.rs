mod decision;
mod statements;

use std::any::Any;

use async_trait::async_trait;
use seaworthy_core::ports::{StoreError, Timestamp, Transaction};
use smol_str::SmolStr;

use self::decision::Decision;
use super::{
    Door,
    refusal::{conflict, outcome_of, unavailable, unknown},
    strike::{Reach, Strike},
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
    /// What the user calls the next statement of their own.
    label: Option<SmolStr>,
    /// Whether its connection was lent out.
    lent: bool,
}

impl TransactionShell {
    pub(super) fn new(door: Door, store: SmolStr, tx: TxId, inner: Box<dyn Transaction>) -> Self {
        Self { door, store, tx, inner: Some(inner), effects: Vec::new(), label: None, lent: false }
    }
}

/// What a verdict refuses a statement with. After an error nothing is left but to drop the transaction, as on a real
/// database.
fn refusal(strike: Strike, inner: &Option<Box<dyn Transaction>>) -> Option<StoreError> {
    match strike {
        Strike::Conflict => Some(conflict()),
        Strike::Unavailable => Some(unavailable()),
        _ if inner.is_none() => Some(aborted()),
        _ => None,
    }
}

fn aborted() -> StoreError {
    StoreError::Unavailable(SmolStr::new_static("the transaction was aborted by an earlier error"))
}

/// How a statement went; an error aborts the transaction.
fn outcome_for<T>(inner: &mut Option<Box<dyn Transaction>>, result: &Result<T, StoreError>) -> Outcome {
    match result {
        Ok(_) => Outcome::Done,
        Err(error) => {
            *inner = None;
            outcome_of(error)
        }
    }
}

/// What a transaction has changed in declared tables, asked right before it commits: by then all of it is there, and what
/// it has undone is not.
async fn rows(door: &Door, inner: &mut dyn Transaction) -> Result<Vec<Effect>, StoreError> {
    if !door.world.shows_rows(door.life.process) {
        return Ok(Vec::new());
    }
    let rows = door.life.alive(inner.row_changes()).await?;
    Ok(rows.into_iter().map(Effect::Row).collect())
}

/// Runs one statement on the inner transaction, between verdict and record.
macro_rules! statement {
    ($self:ident, $point:expr, $on:expr, |$inner:ident| $call:expr) => {{
        let mut entered = $self.door.enter($point, $crate::shell::strike::Reach::Statement).await;
        let result =
            match ($crate::shell::transaction::refusal(entered.strike().await, &$self.inner), $self.inner.as_mut()) {
                (None, Some($inner)) => $self.door.answered($point, Some($self.tx), $call).await,
                (refused, _) => Err(refused.unwrap_or_else($crate::shell::transaction::aborted)),
            };
        let outcome = $crate::shell::transaction::outcome_for(&mut $self.inner, &result);
        if let Err(error) = &result {
            $self.door.note_error($point, error);
        }
        let on: &str = $on;
        $self.door.record($crate::trace::What::Statement { tx: $self.tx, point: $point, on: on.into(), outcome });
        entered.leave().await;
        result
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

    async fn now(&mut self) -> Result<Timestamp, StoreError> {
        statement!(self, Point::Read, "clock", |inner| inner.now())
    }

    async fn raw_connection(&mut self) -> Result<&mut (dyn Any + Send), StoreError> {
        let on = self.label.take().unwrap_or(SmolStr::new_static("connection"));
        let mut call = self.door.enter(Point::Statement, Reach::Statement).await;
        let asked = refusal(call.strike().await, &self.inner).map_or(Ok(()), Err);
        let outcome = outcome_for(&mut self.inner, &asked);
        let (tx, point) = (self.tx, Point::Statement);
        self.door.record(What::Statement { tx, point, on, outcome });
        call.leave().await;
        asked?;
        self.lent = true;
        match self.inner.as_mut() {
            Some(inner) => self.door.life.alive(inner.raw_connection()).await,
            None => Err(aborted()),
        }
    }

    fn observe(&mut self, fact: &'static str, subject: &str, value: i64) {
        self.effects.push(Effect::Observed { fact, subject: subject.into(), value });
    }

    fn label(&mut self, statement: &str) {
        self.label = Some(statement.into());
    }

    async fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        let mut call = self.door.enter(Point::Commit, Reach::Network).await;
        let strike = call.strike().await;
        let refused = match strike {
            _ if self.inner.is_none() => Some((aborted(), Outcome::Unavailable)),
            Strike::Conflict => Some((conflict(), Outcome::Conflict)),
            Strike::Unavailable => Some((unavailable(), Outcome::Unavailable)),
            Strike::LoseRequest => Some((unknown(), Outcome::NotDoneUnheard)),
            _ => None,
        };
        // Of a commit that is refused, too: the trace tells what it would have done.
        let rows = match self.inner.as_mut() {
            Some(inner) => {
                if self.lent && !inner.has_written() {
                    self.door.world.only_read(self.tx);
                }
                rows(&self.door, &mut **inner).await
            }
            None => Ok(Vec::new()),
        };
        // Told from a drop by its number: a transaction that was committed does not abort as well.
        let tx = std::mem::replace(&mut self.tx, TxId(0));
        let decision = Decision::new(self.door.clone(), self.store.clone(), tx);
        let mut effects = std::mem::take(&mut self.effects);
        let refused = match (refused, rows) {
            (None, Err(error)) => Some((error.clone(), outcome_of(&error))),
            (refused, rows) => {
                effects.extend(rows.unwrap_or_default());
                refused
            }
        };
        let result = match (refused, self.inner.take()) {
            (Some((error, outcome)), _) => {
                decision.record(outcome, effects);
                Err(error)
            }
            (None, Some(inner)) => decision.reach(inner, effects, strike).await,
            (None, None) => Err(aborted()),
        };
        call.leave().await;
        result
    }
}

impl Drop for TransactionShell {
    fn drop(&mut self) {
        if self.tx != TxId(0) {
            let tried = std::mem::take(&mut self.effects).into();
            self.door.record(What::Abort { tx: self.tx, tried });
        }
    }
}
