//! Records that the verbs of an operator become: each is like any other, and the state decides about it.

use bytes::Bytes;
use smol_str::SmolStr;

use super::{
    ActionState, CompensationCause, CompensationState, Record, SagaError, SagaOutcome, State, Status, Value, Verb,
};
use crate::{
    cut::cut,
    ids::{Direction, SagaId},
    ports::{SagaInstance, SagaStatus},
};

impl Verb {
    /// Judges a verb on a saga that has ended: there is nothing to do where it ended as the verb would have it.
    pub(super) fn on_ended(&self, instance: &SagaInstance) -> Result<(), SagaError> {
        match (self, instance.status) {
            (Self::Abandon, SagaStatus::Abandoned) | (Self::Cancel, SagaStatus::Compensated) => Ok(()),
            (Self::Cancel, SagaStatus::Completed) => Err(SagaError::AfterPivot(instance.id)),
            (_, status) => {
                let reason = format!("it has ended: it is {}", status.name());
                Err(SagaError::NotAllowed { saga: instance.id, reason })
            }
        }
    }

    /// Returns the records that a verb comes to; none if the saga is already where the verb leads.
    pub(super) fn records(&self, reason: &str, state: &State, saga: SagaId) -> Result<Vec<Record>, SagaError> {
        Ok(match self {
            // It goes on already, as after the first of two times.
            Self::Resume if !matches!(state.status, Status::Stuck(_)) => Vec::new(),
            Self::Resume => vec![Record::Resumed],
            Self::Skip { step } if is_skipped(state, step) => Vec::new(),
            Self::Skip { step } => {
                let mut records =
                    vec![Record::SkippedByOperator { step: step.clone(), reason: cut(reason.to_owned()) }];
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
            Self::Abandon => vec![Record::Abandoned { reason: cut(reason.to_owned()) }],
            Self::RetryNow if matches!(state.status, Status::Running | Status::Compensating) && !backs_off(state) => {
                Vec::new()
            }
            Self::RetryNow => vec![Record::Hastened],
            Self::Settle { step, output } if is_settled(state, step, Some(output)) => Vec::new(),
            Self::Settle { step, output } => {
                let mut records = vec![settled(step, Some(output), reason)];
                if state.status == Status::Stuck(Direction::Action) {
                    records.push(Record::Resumed);
                }
                records
            }
            Self::SettleNotDone { step } if is_settled(state, step, None) => Vec::new(),
            Self::SettleNotDone { step } => vec![settled(step, None, reason)],
            Self::Unknown(_) => {
                let reason =
                    "this release does not know the verb: ask again once a newer one runs everywhere".to_owned();
                return Err(SagaError::NotAllowed { saga, reason });
            }
        })
    }

    /// Returns what is kept with a saga that the verb ends.
    pub(super) fn outcome(&self, reason: &str) -> Option<Bytes> {
        match self {
            Self::Abandon => SagaOutcome::Abandoned { reason: cut(SmolStr::new(reason)) }.encode(),
            _ => None,
        }
    }
}

fn settled(step: &SmolStr, done: Option<&Value>, reason: &str) -> Record {
    let (step, reason) = (step.clone(), cut(reason.to_owned()));
    Record::Settled { step, done: done.is_some(), output: done.cloned().unwrap_or_default(), reason }
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

/// Returns `true` if an operator has skipped a step in the direction in which the saga goes.
fn is_skipped(state: &State, step: &str) -> bool {
    let Some(step) = state.shape.index_of(step).map(|index| &state.steps[index]) else { return false };
    match state.status {
        Status::Compensating | Status::Stuck(Direction::Compensation) => {
            step.compensation == CompensationState::Skipped
        }
        _ => step.action == ActionState::Skipped,
    }
}
