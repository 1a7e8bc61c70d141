//! Operator verbs: records like any other, written into the log and decided by it. Each may be repeated, and only writes:
//! a tool that calls one drives nothing.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use smol_str::SmolStr;
use tracing::Instrument;

use super::{
    ActionState, CompensationCause, CompensationState, Orchestrator, Passage, Record, SagaError, SagaOutcome, State,
    Status, Value, next,
    registry::Resolved,
    unfold::{Unfolded, Unreadable, unfold},
};
use crate::{
    cut::cut,
    ids::{Direction, SagaId},
    ports::{SagaAppend, SagaInstance, SagaStatus, StoreError},
};

/// Number of times that a verb is tried when the saga moves meanwhile.
const TRIES: u32 = 16;

enum Verb<'a> {
    Resume,
    Skip { step: &'a str, reason: &'a str },
    Cancel,
    Abandon { reason: &'a str },
    RetryNow,
    Settle { step: &'a str, done: Option<&'a Value>, reason: &'a str },
}

impl Orchestrator {
    /// Sets a stuck saga going again in its direction, with fresh budgets. One that is not stuck goes on as it does.
    ///
    /// # Errors
    /// [`SagaError::NotAllowed`] if it has ended; see [`SagaError`] for the others.
    pub async fn resume(&self, saga: SagaId) -> Result<(), SagaError> {
        self.operate(saga, Verb::Resume).await
    }

    /// Takes a step as settled in the direction in which the saga goes, and sets the saga going again if it is stuck.
    /// A step that was skipped while in doubt is still undone if the saga turns back.
    ///
    /// # Errors
    /// [`SagaError::NotAllowed`] if the step is settled or not reached yet; see [`SagaError`] for the others.
    pub async fn skip(&self, saga: SagaId, step: &str, reason: &str) -> Result<(), SagaError> {
        self.operate(saga, Verb::Skip { step, reason }).await
    }

    /// Turns a saga back, unless its pivot has committed or may have. A saga that goes back already is left alone. A
    /// race with the pivot is decided by the log: one of the two is written first.
    ///
    /// # Errors
    /// [`SagaError::AfterPivot`]; see [`SagaError`] for the others.
    pub async fn cancel(&self, saga: SagaId) -> Result<(), SagaError> {
        self.operate(saga, Verb::Cancel).await
    }

    /// Gives a saga up as it is: what is done stays done. It works where no registered definition can read the saga,
    /// too.
    ///
    /// # Errors
    /// [`SagaError::NotAllowed`] if it has ended; see [`SagaError`] for the others.
    pub async fn abandon(&self, saga: SagaId, reason: &str) -> Result<(), SagaError> {
        self.operate(saga, Verb::Abandon { reason }).await
    }

    /// Ends the wait of every step that has failed and is to be tried again: it is tried at once, however long its backoff.
    /// Budgets and deadlines stay as they are. A saga of which nothing waits in this way goes on as it does.
    ///
    /// # Errors
    /// [`SagaError::NotAllowed`] if it is stuck ([resume](Orchestrator::resume) it) or has ended; see [`SagaError`] for the
    /// others.
    pub async fn retry_now(&self, saga: SagaId) -> Result<(), SagaError> {
        self.operate(saga, Verb::RetryNow).await
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
        self.operate(saga, Verb::Settle { step, done: Some(output), reason }).await
    }

    /// Says that a step in doubt was not carried out. Going forward it is tried again, under the same operation id; a pivot
    /// may be cancelled from then on. Going back, there is nothing to undo. A stuck saga stays so, for the operator to
    /// [resume](Orchestrator::resume) or [cancel](Orchestrator::cancel) it.
    ///
    /// # Errors
    /// [`SagaError::NotAllowed`] if the step is done; see [`SagaError`] for the others. One that is not in doubt is left as
    /// it is.
    pub async fn settle_not_done(&self, saga: SagaId, step: &str, reason: &str) -> Result<(), SagaError> {
        self.operate(saga, Verb::Settle { step, done: None, reason }).await
    }

    /// A saga's state, folded from its log.
    ///
    /// # Errors
    /// [`SagaError::NotFound`], [`SagaError::Incompatible`] if no registered definition can read its log,
    /// [`SagaError::Store`].
    pub async fn state(&self, saga: SagaId) -> Result<State, SagaError> {
        let work = async {
            let instance = self.resources.store.saga(saga).await?.ok_or(SagaError::NotFound(saga))?;
            self.state_of(&instance).await
        };
        work.instrument(tracing::debug_span!("saga.state", %saga)).await
    }

    pub(super) async fn state_of(&self, instance: &SagaInstance) -> Result<State, SagaError> {
        self.read(instance).await.map(|read| read.unfolded.state)
    }

    /// Writes what a verb makes of the saga's state. Its owner, if there is one, loses it: the log has grown, and the lease
    /// is given up, so that recovery drives it on, here or in another process.
    async fn operate(&self, saga: SagaId, verb: Verb<'_>) -> Result<(), SagaError> {
        let work = async {
            for round in 0..TRIES {
                let instance = self.resources.store.saga(saga).await?.ok_or(SagaError::NotFound(saga))?;
                let Some(append) = self.verdict(&instance, &verb).await? else { return Ok(()) };
                if self.append(&append).await? {
                    if append.status.is_active() {
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
    async fn verdict(&self, instance: &SagaInstance, verb: &Verb<'_>) -> Result<Option<SagaAppend>, SagaError> {
        if instance.status.is_terminal() {
            return verb.on_ended(instance).map(|()| None);
        }
        let mut definition = None;
        let (records, status, outcome) = match (self.read(instance).await, verb) {
            (Ok(read), _) => {
                let mut records = verb.records(&read.unfolded.state, instance.id)?;
                if records.is_empty() {
                    return Ok(None);
                }
                if let Some(passage) = read.passage.filter(|_| !read.unfolded.has_passed) {
                    definition = Some(read.unfolded.state.shape().definition.clone());
                    records.insert(0, Record::Migrated { passage: (*passage).clone() });
                }
                let was = read.unfolded.state.status.stored();
                let state = self.after(read.unfolded.state, &records, instance.id)?;
                // A saga that stays stuck is stuck for the reason that it had.
                let stays = state.status.stored() == was;
                let outcome = verb.outcome().or_else(|| instance.outcome.clone().filter(|_| stays));
                (records, state.status.stored(), outcome)
            }
            // Nobody can read the log: giving the saga up is all that is left.
            (Err(SagaError::Incompatible { .. }), Verb::Abandon { reason }) => {
                (vec![Record::Abandoned { reason: cut((*reason).to_owned()) }], SagaStatus::Abandoned, verb.outcome())
            }
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

    /// Appends entries; returns `true` if they are in the log now, `false` if the saga moved meanwhile.
    async fn append(&self, append: &SagaAppend) -> Result<bool, SagaError> {
        let written = async {
            let mut tx = self.resources.store.begin().await?;
            tx.saga_append(append).await?;
            tx.commit().await
        };
        match written.await {
            Ok(()) => Ok(true),
            Err(StoreError::Conflict(_)) => Ok(false),
            Err(error @ StoreError::Unknown(_)) => {
                let count = append.records.len();
                let log = self.resources.store.saga_log(append.saga, append.expected_length, count).await?;
                let ours = log.iter().map(|entry| &entry.record).eq(&append.records);
                if ours { Ok(true) } else { Err(error.into()) }
            }
            Err(error) => Err(error.into()),
        }
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
            let mut entries = self.resources.store.saga_log(instance.id, length, page).await?;
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
        let unfolded = unfold(driver.shape(), &log, passage.as_deref()).map_err(|unreadable| match unreadable {
            Unreadable::Newer(reason) | Unreadable::Damaged(reason) => incompatible(reason),
        })?;
        Ok(Read { unfolded, passage })
    }
}

/// A saga as its log tells it, and its passage to the version under which it was read.
struct Read {
    unfolded: Unfolded,
    passage: Option<Arc<Passage>>,
}

impl Verb<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Resume => "resume",
            Self::Skip { .. } => "skip",
            Self::Cancel => "cancel",
            Self::Abandon { .. } => "abandon",
            Self::RetryNow => "retry_now",
            Self::Settle { .. } => "settle",
        }
    }

    /// Judges a verb on a saga that has ended: there is nothing to do where it ended as the verb would have it.
    fn on_ended(&self, instance: &SagaInstance) -> Result<(), SagaError> {
        match (self, instance.status) {
            (Self::Abandon { .. }, SagaStatus::Abandoned) | (Self::Cancel, SagaStatus::Compensated) => Ok(()),
            (Self::Cancel, SagaStatus::Completed) => Err(SagaError::AfterPivot(instance.id)),
            (_, status) => {
                let reason = format!("it has ended: it is {}", status.name());
                Err(SagaError::NotAllowed { saga: instance.id, reason })
            }
        }
    }

    fn records(&self, state: &State, saga: SagaId) -> Result<Vec<Record>, SagaError> {
        Ok(match self {
            // It goes on already, as after the first of two times.
            Self::Resume if !matches!(state.status, Status::Stuck(_)) => Vec::new(),
            Self::Resume => vec![Record::Resumed],
            Self::Skip { step, .. } if is_skipped(state, step) => Vec::new(),
            Self::Skip { step, reason } => {
                let mut records = vec![Record::Waived { step: SmolStr::new(step), reason: cut((*reason).to_owned()) }];
                if matches!(state.status, Status::Stuck(_)) {
                    records.push(Record::Resumed);
                }
                records
            }
            Self::Cancel => match state.status {
                Status::Compensating | Status::Compensated | Status::Stuck(Direction::Compensation) => Vec::new(),
                _ if state.is_past_return() => return Err(SagaError::AfterPivot(saga)),
                _ => vec![Record::CompensationBegun { cause: CompensationCause::Cancelled }],
            },
            Self::Abandon { reason } => vec![Record::Abandoned { reason: cut((*reason).to_owned()) }],
            Self::RetryNow if matches!(state.status, Status::Running | Status::Compensating) && !backs_off(state) => {
                Vec::new()
            }
            Self::RetryNow => vec![Record::Hastened],
            Self::Settle { step, done, .. } if is_settled(state, step, *done) => Vec::new(),
            Self::Settle { step, done, reason } => {
                let (step, reason) = (SmolStr::new(step), cut((*reason).to_owned()));
                let output = done.cloned().unwrap_or_default();
                let mut records = vec![Record::Settled { step, done: done.is_some(), output, reason }];
                if done.is_some() && state.status == Status::Stuck(Direction::Action) {
                    records.push(Record::Resumed);
                }
                records
            }
        })
    }

    /// Returns what is kept with a saga that the verb ends.
    fn outcome(&self) -> Option<Bytes> {
        match self {
            Self::Abandon { reason } => SagaOutcome::Abandoned { reason: cut(SmolStr::new(reason)) }.encode(),
            _ => None,
        }
    }
}

/// Returns `true` if a step of a saga waits to be tried again.
fn backs_off(state: &State) -> bool {
    state.steps.iter().any(|step| step.forward.not_before.is_some() || step.backward.not_before.is_some())
}

/// Returns `true` if a step stands as an operator says that it does.
fn is_settled(state: &State, step: &str, done: Option<&Value>) -> bool {
    let Some(step) = state.shape.index_of(step).map(|index| &state.steps[index]) else { return false };
    match done {
        Some(output) => step.action == ActionState::Done && step.output == *output,
        None => step.action == ActionState::Pending && !step.is_doubtful(),
    }
}

/// Returns `true` if an operator has taken a step as settled in the direction in which the saga goes.
fn is_skipped(state: &State, step: &str) -> bool {
    let Some(step) = state.shape.index_of(step).map(|index| &state.steps[index]) else { return false };
    match state.status {
        Status::Compensating | Status::Stuck(Direction::Compensation) => step.compensation == CompensationState::Waived,
        _ => step.action == ActionState::Skipped,
    }
}
