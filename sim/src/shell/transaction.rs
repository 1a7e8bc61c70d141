use std::pin::pin;

use seaworthy_core::ports::{
    Answer, Answers, Call, InboxInsert, InterceptTransaction, Operation, PortError, StoreError, Transaction,
};
use smol_str::SmolStr;

use super::{
    Gate,
    decision::Decision,
    disposition::{Carried, Reach, said},
    told,
};
use crate::trace::{Effect, Outcome, TxId, What};

/// A transaction behind the shell. It remembers what it would make true, to say so when it commits.
pub(super) struct Watched {
    gate: Gate,
    store: SmolStr,
    tx: TxId,
    effects: Vec<Effect>,
    /// `true` once its connection was lent out.
    lent: bool,
}

impl Watched {
    pub(super) fn new(gate: Gate, store: SmolStr, tx: TxId) -> Self {
        Self { gate, store, tx, effects: Vec::new(), lent: false }
    }

    /// Returns its changes in declared tables, asked right before it commits: by then all of it is there, and what it
    /// has undone is not.
    async fn rows(&self, inner: &mut dyn Transaction) -> Result<Vec<Effect>, StoreError> {
        if !self.gate.world.shows_rows(self.gate.incarnation.process) {
            return Ok(Vec::new());
        }
        let rows = self.gate.incarnation.alive(inner.row_changes()).await?;
        Ok(rows.into_iter().map(Effect::Row).collect())
    }
}

impl InterceptTransaction for Watched {
    async fn call<T: Answers, E: PortError>(
        &mut self,
        call: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let point = call.operation();
        let Self { gate, effects, tx, lent, .. } = self;
        if let Call::InboxFailed { error, .. } = call {
            gate.note_error(point, &error);
        }
        let mut entered = gate.enter(point, Reach::Statement).await;
        let disposition = entered.disposition().await;
        let Carried { result, outcome, is_own } =
            disposition.carry_out(&call, gate.answered(point, Some(*tx), pin!(inner))).await;
        if let (Err(error), true) = (&result, is_own) {
            gate.note_error(point, error);
        }
        let on = match call {
            Call::Statement { label: "" } => "connection",
            call => call.subject(),
        };
        // What a statement did shows at commit: nobody misses its reply.
        let outcome = if outcome == Outcome::DoneUnheard { Outcome::Done } else { outcome };
        gate.record(What::Statement { tx: *tx, point, on: on.into(), outcome });
        entered.leave().await;
        if let Ok(answered) = &result {
            told::add(effects, &call, &answered.answer());
            match (call, answered.answer()) {
                (Call::Statement { .. }, _) => *lent = true,
                (Call::InboxInsert { entry }, Answer::Inserted(InboxInsert::Duplicate)) => {
                    let (consumer, message) = (entry.consumer.clone(), entry.message);
                    gate.record(What::DuplicateSeen { tx: *tx, consumer, message });
                }
                _ => {}
            }
        }
        result
    }

    fn observe(&mut self, fact: &'static str, subject: &str, value: i64) {
        self.effects.push(Effect::Observed { fact: SmolStr::new_static(fact), subject: subject.into(), value });
    }

    async fn commit(mut self, mut inner: Result<Box<dyn Transaction>, StoreError>) -> Result<(), StoreError> {
        let gate = self.gate.clone();
        let mut call = gate.enter(Operation::Commit, Reach::Network).await;
        let disposition = call.disposition().await;
        let refused = match (&inner, disposition.refusal()) {
            (Err(aborted), _) => Some((aborted.clone(), Outcome::Unavailable)),
            (_, Some((kind, outcome))) => Some((StoreError::new(kind, said(kind, &Call::Commit)), outcome)),
            _ => None,
        };
        // Of a commit that is refused, too: the trace tells what it would have done.
        let rows = match &mut inner {
            Ok(inner) => {
                if self.lent && !inner.has_written() {
                    gate.world.only_read(self.tx);
                }
                self.rows(&mut **inner).await
            }
            Err(_) => Ok(Vec::new()),
        };
        // Told from a drop by its number: a transaction that was committed does not abort as well.
        let tx = std::mem::replace(&mut self.tx, TxId(0));
        let decision = Decision::new(gate.clone(), self.store.clone(), tx);
        let mut effects = std::mem::take(&mut self.effects);
        let refused = match (refused, rows) {
            (None, Err(error)) => {
                let outcome = super::disposition::outcome_of(&error);
                Some((error, outcome))
            }
            (refused, rows) => {
                effects.extend(rows.unwrap_or_default());
                refused
            }
        };
        let result = match (refused, inner) {
            (Some((error, outcome)), _) => {
                decision.record(outcome, effects);
                Err(error)
            }
            (None, Ok(inner)) => decision.reach(inner, effects, disposition).await,
            (None, Err(aborted)) => Err(aborted),
        };
        call.leave().await;
        result
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.tx != TxId(0) {
            let tried = std::mem::take(&mut self.effects).into();
            self.gate.record(What::Abort { tx: self.tx, tried });
        }
    }
}
