use seaworthy_core::{
    events::APPLIED,
    ports::{Answer, Answers, Call, InboxInsert, InterceptTransaction, Operation, PortError, StoreError, Transaction},
};
use smol_str::SmolStr;

use super::decision::Decision;
use crate::{
    shell::{Gate, Reach, outcome_of, refusal, said},
    trace::{Effect, Outcome, TxId, What, add_effects},
};

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
        if self.lent && !inner.has_written() {
            self.gate.world.only_read(self.tx);
        }
        if !self.gate.world.shows_rows(self.gate.incarnation.process) {
            return Ok(Vec::new());
        }
        let rows = self.gate.incarnation.alive(inner.row_changes()).await?;
        Ok(rows.into_iter().map(Effect::Row).collect())
    }
}

impl InterceptTransaction for Watched {
    fn call<T: Answers, E: PortError>(
        &mut self,
        call: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> impl Future<Output = Result<T, E>> + Send {
        let Self { gate, effects, tx, lent, .. } = self;
        let (gate, tx) = (&*gate, *tx);
        if let Call::InboxFailed { error, .. } = call {
            gate.note_error(call.operation(), &error);
        }
        let tell = move |call: &Call<'_>, _, result: &Result<T, E>, outcome| {
            let on = match *call {
                Call::Statement { label: "" } => "connection",
                call => call.subject(),
            };
            // What a statement did shows at commit: nobody misses its reply.
            let outcome = if outcome == Outcome::DoneUnheard { Outcome::Done } else { outcome };
            gate.record(What::Statement { tx, point: call.operation(), on: on.into(), outcome });
            let Ok(answered) = result else { return };
            let answer = answered.answer();
            add_effects(effects, call, &answer);
            match (*call, answer) {
                (Call::Statement { .. }, _) => *lent = true,
                (Call::InboxInsert { entry }, Answer::Inserted(InboxInsert::Duplicate(_))) => {
                    let (consumer, message) = (entry.consumer.clone(), entry.message);
                    gate.record(What::DuplicateSeen { tx, consumer, message });
                }
                _ => {}
            }
        };
        gate.call(call, Reach::Statement, Some(tx), |_| inner, tell)
    }

    fn observe(&mut self, fact: &'static str, subject: &str, value: i64) {
        if fact == APPLIED && self.gate.world.is_disturbed() {
            self.gate.world.note_applied(self.tx, subject, value);
        }
        self.effects.push(Effect::Observed { fact: SmolStr::new_static(fact), subject: subject.into(), value });
    }

    #[allow(clippy::manual_async_fn, reason = "an async fn has room for each of its arguments twice, for every commit")]
    fn commit(
        mut self,
        mut inner: Result<Box<dyn Transaction>, StoreError>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        async move {
            let gate = self.gate.clone();
            let mut under_way = gate.enter(&Call::Commit, Reach::Network).await;
            let struck = under_way.struck(&Call::Commit).await;
            // Of a commit that is refused, too: the trace tells what it would have done.
            let rows = match &mut inner {
                Ok(inner) => self.rows(&mut **inner).await,
                Err(_) => Ok(Vec::new()),
            };
            // Told from a drop by its number: a transaction that was committed does not abort as well.
            let tx = std::mem::replace(&mut self.tx, TxId(0));
            let decision = Decision::new(gate.clone(), self.store.clone(), tx);
            let mut effects = std::mem::take(&mut self.effects);
            let refused = match (&inner, refusal(struck, Operation::Commit), rows) {
                (Err(aborted), ..) => Some((aborted.clone(), Outcome::Unavailable)),
                (Ok(_), Some((kind, outcome)), rows) => {
                    effects.extend(rows.unwrap_or_default());
                    Some((StoreError::new(kind, said(kind, &Call::Commit)), outcome))
                }
                (Ok(_), None, Err(error)) => {
                    let failed: Result<(), _> = Err(error.clone());
                    Some((error, outcome_of(&failed, false)))
                }
                (Ok(_), None, Ok(rows)) => {
                    effects.extend(rows);
                    None
                }
            };
            let result = match (refused, inner) {
                (Some((error, outcome)), _) => {
                    decision.record(outcome, effects);
                    Err(error)
                }
                (None, inner) => decision.reach(inner?, effects, struck).await,
            };
            under_way.leave(&Call::Commit).await;
            result
        }
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
