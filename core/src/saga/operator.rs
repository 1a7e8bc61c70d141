//! Operator verbs: records like any other, written into the log and decided by it. Each may be repeated, and only writes:
//! a tool that calls one drives nothing. A store that does not answer fails them after a while, and what it did is unknown.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tracing::Instrument;

use super::{
    Orchestrator, Passage, Record, SagaError, State, Value, Verb,
    append::{TRIES, append},
    next,
    registry::Resolved,
    unfold::{Unfolded, Unreadable, unfold},
};
use crate::{
    cut::cut,
    ids::SagaId,
    ports::{GivenUp, SagaAppend, SagaInstance, SagaStatus, TakesUp},
};

impl Orchestrator {
    /// Sets a stuck saga going again in its direction, with fresh budgets. One that is not stuck goes on as it does.
    ///
    /// # Errors
    /// [`SagaError::NotAllowed`] if it has ended; see [`SagaError`] for the others.
    pub async fn resume(&self, saga: SagaId) -> Result<(), SagaError> {
        self.operate(saga, &Verb::Resume, "").await
    }

    /// Skips a step: takes it as settled in the direction in which the saga goes, and sets the saga going again if it is stuck.
    /// A step that was skipped while in doubt is still undone if the saga turns back.
    ///
    /// # Errors
    /// [`SagaError::NotAllowed`] if the step is settled or not reached yet; see [`SagaError`] for the others.
    pub async fn skip(&self, saga: SagaId, step: &str, reason: &str) -> Result<(), SagaError> {
        self.operate(saga, &Verb::Skip { step: step.into() }, reason).await
    }

    /// Turns a saga back, unless its pivot has committed or may have. A saga that goes back already is left alone. A
    /// race with the pivot is decided by the log: one of the two is written first.
    ///
    /// # Errors
    /// [`SagaError::AfterPivot`]; see [`SagaError`] for the others.
    pub async fn cancel(&self, saga: SagaId) -> Result<(), SagaError> {
        self.operate(saga, &Verb::Cancel, "").await
    }

    /// Gives a saga up as it is: what is done stays done. It works where no registered definition can read the saga,
    /// too.
    ///
    /// # Errors
    /// [`SagaError::NotAllowed`] if it has ended; see [`SagaError`] for the others.
    pub async fn abandon(&self, saga: SagaId, reason: &str) -> Result<(), SagaError> {
        self.operate(saga, &Verb::Abandon, reason).await
    }

    /// Ends the wait of every step that has failed and is to be tried again: it is tried at once, however long its backoff.
    /// Budgets and deadlines stay as they are. A saga of which nothing waits in this way goes on as it does.
    ///
    /// # Errors
    /// [`SagaError::NotAllowed`] if it is stuck ([resume](Orchestrator::resume) it) or has ended; see [`SagaError`] for the
    /// others.
    pub async fn retry_now(&self, saga: SagaId) -> Result<(), SagaError> {
        self.operate(saga, &Verb::RetryNow, "").await
    }

    /// Says that a step was carried out, with this output, as somebody has found out who asked its participant: for a step
    /// in doubt, or any step that a stuck saga is at. A stuck saga that goes forward goes on. What the step's own
    /// transaction would have written, it has not.
    ///
    /// If the saga turns back later, or does already, the step is undone as one that is known to be done.
    ///
    /// # Errors
    /// [`SagaError::NotAllowed`] if the step is settled in another way, not reached yet, or neither in doubt nor what a
    /// stuck saga is at; see [`SagaError`] for the others.
    pub async fn settle(&self, saga: SagaId, step: &str, output: &Value, reason: &str) -> Result<(), SagaError> {
        let settle = Verb::Settle { step: step.into(), output: output.clone() };
        self.operate(saga, &settle, reason).await
    }

    /// Says that a step in doubt was not carried out. Going forward it is tried again, under the same operation id; a pivot
    /// may be cancelled from then on. Going back, there is nothing to undo. A stuck saga stays so, for the operator to
    /// [resume](Orchestrator::resume) or [cancel](Orchestrator::cancel) it.
    ///
    /// # Errors
    /// [`SagaError::NotAllowed`] if the step is done; see [`SagaError`] for the others. One that is not in doubt is left as
    /// it is.
    pub async fn settle_not_done(&self, saga: SagaId, step: &str, reason: &str) -> Result<(), SagaError> {
        self.operate(saga, &Verb::SettleNotDone { step: step.into() }, reason).await
    }

    /// A saga's state, folded from its log.
    ///
    /// # Errors
    /// [`SagaError::NotFound`], [`SagaError::Incompatible`] if no registered definition can read its log,
    /// [`SagaError::Store`].
    pub async fn state(&self, saga: SagaId) -> Result<State, SagaError> {
        let work = async {
            let instance = self.instance(saga).await?;
            self.state_of(&instance).await
        };
        work.instrument(tracing::debug_span!("saga.state", %saga)).await
    }

    pub(super) async fn instance(&self, saga: SagaId) -> Result<SagaInstance, SagaError> {
        let found = self.resources.answered(self.resources.store.saga(saga)).await?;
        found.ok_or(SagaError::NotFound(saga))
    }

    pub(super) async fn state_of(&self, instance: &SagaInstance) -> Result<State, SagaError> {
        self.read(instance).await.map(|read| read.unfolded.state)
    }

    /// Writes what a verb makes of the saga's state. Its owner, if there is one, loses it: the log has grown, and the lease
    /// is given up, so that recovery drives it on, here or in another process.
    async fn operate(&self, saga: SagaId, verb: &Verb, reason: &str) -> Result<(), SagaError> {
        let work = async {
            for round in 0..TRIES {
                let instance = self.instance(saga).await?;
                let Some(entries) = self.entries_for(&instance, verb, reason).await? else { return Ok(()) };
                if self.resources.answered(append(&*self.resources.store, &entries)).await? {
                    if entries.status.is_active() {
                        self.resources.left.hint();
                    } else {
                        self.resources.watchers.tell(saga);
                    }
                    return Ok(());
                }
                self.resources.clock.sleep(self.resources.store_delay(round)).await;
            }
            Err(SagaError::Contended(saga))
        };
        work.instrument(tracing::info_span!("saga.operate", %saga, verb = verb.name())).await
    }

    /// Returns the entries to write for a verb; nothing if the saga is already where the verb leads.
    async fn entries_for(
        &self,
        instance: &SagaInstance,
        verb: &Verb,
        reason: &str,
    ) -> Result<Option<SagaAppend>, SagaError> {
        if instance.status.is_terminal() {
            return verb.on_ended(instance).map(|()| None);
        }
        let mut definition = None;
        let (records, status, outcome) = match (self.read(instance).await, verb) {
            (Ok(read), _) => {
                let mut records = verb.records(reason, &read.unfolded.state, instance.id)?;
                if records.is_empty() {
                    return Ok(None);
                }
                if let Some(passage) = read.passage.filter(|_| !read.unfolded.has_passed) {
                    definition = Some(read.unfolded.state.shape().definition.clone());
                    records.insert(0, Record::Migrated { passage: (*passage).clone(), keys: Vec::new() });
                }
                let was = read.unfolded.state.status.stored();
                let state = self.after(read.unfolded.state, &records, instance.id)?;
                // A saga that stays stuck is stuck for the reason that it had.
                let stays = state.status.stored() == was;
                let outcome = verb.outcome(reason).or_else(|| instance.outcome.clone().filter(|_| stays));
                (records, state.status.stored(), outcome)
            }
            // Nobody can read the log: giving the saga up is all that is left.
            (Err(SagaError::Incompatible { .. }), Verb::Abandon) => (
                vec![Record::Abandoned { reason: cut(reason.to_owned()) }],
                SagaStatus::Abandoned,
                verb.outcome(reason),
            ),
            (Err(error), _) => return Err(error),
        };
        Ok(Some(SagaAppend {
            saga: instance.id,
            epoch: instance.epoch,
            expected_length: instance.log_length,
            records: records.iter().map(Record::encode).collect(),
            status,
            lease: Duration::ZERO,
            sleep: Duration::ZERO,
            definition,
            forgets: false,
            keys: Vec::new(),
            outcome,
        }))
    }

    fn after(&self, mut state: State, records: &[Record], saga: SagaId) -> Result<State, SagaError> {
        for record in records {
            state = next(state, record, self.resources.store_now())
                .map_err(|error| SagaError::NotAllowed { saga, reason: error.to_string() })?;
        }
        Ok(state)
    }

    async fn read(&self, instance: &SagaInstance) -> Result<Read, SagaError> {
        let incompatible = |reason| SagaError::Incompatible { saga: instance.id, reason };
        let (driver, passage) = match self.registry.resolve(&instance.definition) {
            Resolved::Driver(driver, passage) => (driver, passage),
            Resolved::Elsewhere { reason, .. } => return Err(incompatible(reason)),
        };
        let mut log = Vec::new();
        let mut length = 0;
        while length < instance.log_length {
            let page = self.resources.config.log_page.max(1);
            let read = self.resources.store.saga_log(instance.id, length, page);
            let mut entries = self.resources.answered(read).await?;
            entries.retain(|entry| entry.sequence <= instance.log_length);
            let Some(last) = entries.last() else {
                if log.is_empty() && instance.status.is_terminal() {
                    return Err(SagaError::Purged { saga: instance.id, status: instance.status });
                }
                return Err(incompatible(format!("its log ends at entry {length} of {}", instance.log_length)));
            };
            length = last.sequence;
            log.extend(entries);
        }
        let unfolded =
            unfold(driver.shape(), &log, passage.as_deref(), None).map_err(|unreadable| match unreadable {
                Unreadable::Newer(reason) | Unreadable::Damaged(reason) => incompatible(reason),
            })?;
        Ok(Read { unfolded, passage })
    }
}

#[async_trait]
impl TakesUp for Orchestrator {
    /// Resumes a stuck saga.
    async fn take_up(&self, what: &GivenUp) -> bool {
        let GivenUp::Saga(saga) = what else { return false };
        match self.resume(*saga).await {
            Ok(()) => true,
            Err(SagaError::NotFound(_) | SagaError::Incompatible { .. }) => false,
            Err(error) => {
                tracing::warn!(%saga, %error, "the saga stays stuck: it can't be resumed");
                true
            }
        }
    }
}

/// A saga as its log tells it, and its passage to the version under which it was read.
struct Read {
    unfolded: Unfolded,
    passage: Option<Arc<Passage>>,
}
