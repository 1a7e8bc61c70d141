use std::sync::Arc;

use super::{CompensationCause, Phase, Shape, Value};
use crate::{
    ids::Direction,
    ports::{SagaStatus, Timestamp},
};

/// Status of a saga.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Its log is empty.
    New,
    /// The saga goes forward.
    Running,
    /// The saga goes back.
    Compensating,
    /// Waits for an operator; the direction in which it will go on.
    Stuck(Direction),
    /// The saga has ended: all steps are done or skipped.
    Completed,
    /// The saga has ended: all that was done is undone.
    Compensated,
    /// Given up by an operator.
    Abandoned,
}

impl Status {
    /// Returns `true` for a status that never changes again.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Compensated | Self::Abandoned)
    }

    /// Returns the status as a store keeps it.
    pub fn stored(self) -> SagaStatus {
        match self {
            Self::New | Self::Running => SagaStatus::Running,
            Self::Compensating => SagaStatus::Compensating,
            Self::Stuck(_) => SagaStatus::Stuck,
            Self::Completed => SagaStatus::Completed,
            Self::Compensated => SagaStatus::Compensated,
            Self::Abandoned => SagaStatus::Abandoned,
        }
    }
}

/// State of a step's action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ActionState {
    /// Not settled yet.
    Pending,
    /// Its effects have committed.
    Done,
    /// It does not apply, or an operator waived it.
    Skipped,
    /// It was refused for good.
    Rejected,
}

/// State of a step's compensation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CompensationState {
    /// Not settled yet.
    Pending,
    /// The action is undone.
    Compensated,
    /// Given up until an operator resumes it.
    Exhausted,
    /// An operator takes it as undone.
    Waived,
}

/// Attempts in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempts {
    /// The last logged attempt.
    pub last: u32,
    /// Failures that spent the budget.
    pub spent: u32,
    /// Time at which the first one was logged, by the store's clock.
    pub since: Option<Timestamp>,
    /// The next one waits until then, by the store's clock.
    pub not_before: Option<Timestamp>,
}

/// State of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepState {
    /// State of its action.
    pub action: ActionState,
    /// State of its compensation.
    pub compensation: CompensationState,
    /// Attempts of its action.
    pub forward: Attempts,
    /// Attempts of its compensation.
    pub backward: Attempts,
    /// A participant may be carrying out the last attempt right now.
    pub asking: bool,
    /// An earlier attempt may have been carried out.
    pub unknown: bool,
    /// The action's output.
    pub output: Value,
}

impl StepState {
    const FRESH: Self = Self {
        action: ActionState::Pending,
        compensation: CompensationState::Pending,
        forward: Attempts { last: 0, spent: 0, since: None, not_before: None },
        backward: Attempts { last: 0, spent: 0, since: None, not_before: None },
        asking: false,
        unknown: false,
        output: Value::NULL,
    };

    /// Returns `true` if its action may have had effects although it is not known to be done.
    pub fn is_doubtful(&self) -> bool {
        self.action != ActionState::Done && (self.asking || self.unknown)
    }

    /// Returns `true` if its action needs no further attempt.
    pub fn is_settled(&self) -> bool {
        matches!(self.action, ActionState::Done | ActionState::Skipped)
    }
}

/// A saga's state: the fold of its log through [`next`](super::next).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub(crate) shape: Arc<Shape>,
    pub(crate) status: Status,
    pub(crate) cause: Option<CompensationCause>,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) steps: Vec<StepState>,
}

impl State {
    /// The state before the first log entry.
    pub fn new(shape: Arc<Shape>) -> Self {
        let steps = vec![StepState::FRESH; shape.steps.len()];
        Self { shape, status: Status::New, cause: None, deadline: None, steps }
    }

    /// Returns its status.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Returns the cause of its compensation, if it turned back.
    pub fn cause(&self) -> Option<CompensationCause> {
        self.cause
    }

    /// Returns the time at which it turns back unless its pivot has committed, by the store's clock.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.deadline
    }

    /// Returns the shape of its definition.
    pub fn shape(&self) -> &Arc<Shape> {
        &self.shape
    }

    /// Returns its steps, in the order of the shape.
    pub fn steps(&self) -> &[StepState] {
        &self.steps
    }

    /// The output of a step that is done.
    pub fn output(&self, path: &str) -> Option<&Value> {
        let step = &self.steps[self.shape.index_of(path)?];
        (step.action == ActionState::Done).then_some(&step.output)
    }

    /// Returns `true` if the saga can only go forward: its pivot has committed, or may have. Where there is no pivot,
    /// the first retriable step takes its part.
    pub fn is_past_return(&self) -> bool {
        let passed = |index: usize| {
            let step = &self.steps[index];
            step.is_settled() || (step.action == ActionState::Pending && step.is_doubtful())
        };
        match self.shape.pivot() {
            Some(pivot) => passed(pivot),
            None => {
                (0..self.steps.len()).filter(|index| self.shape.steps[*index].phase == Phase::Retriable).any(passed)
            }
        }
    }

    /// Returns `true` if a step was refused for good.
    pub fn is_rejected(&self) -> bool {
        self.steps.iter().any(|step| step.action == ActionState::Rejected)
    }

    /// Returns `true` if a step has, or may have, effects that going back must undo.
    pub fn needs_compensation(&self, index: usize) -> bool {
        let step = &self.steps[index];
        self.shape.steps[index].phase == Phase::Compensatable
            && (step.action == ActionState::Done || step.is_doubtful())
    }

    /// Returns `true` if all groups before that of the step are settled.
    pub(crate) fn may_run(&self, index: usize) -> bool {
        let group = self.shape.steps[index].group;
        self.steps.iter().zip(&self.shape.steps).all(|(step, shape)| shape.group >= group || step.is_settled())
    }

    /// Returns `true` if nothing after the step's group waits for its compensation.
    pub(crate) fn may_compensate(&self, index: usize) -> bool {
        let group = self.shape.steps[index].group;
        (0..self.steps.len()).all(|other| {
            self.shape.steps[other].group <= group
                || !self.needs_compensation(other)
                || self.steps[other].compensation != CompensationState::Pending
        })
    }

    /// Returns the time at which the saga has to turn back unless it gets past its pivot: the earliest of its own
    /// deadline and those of the steps it is at.
    pub(crate) fn turning_point(&self) -> Option<Timestamp> {
        if self.is_past_return() {
            return None;
        }
        let steps = self.steps.iter().zip(&self.shape.steps).filter_map(|(step, shape)| {
            (step.action == ActionState::Pending).then_some(step.forward.since? + shape.deadline?)
        });
        self.deadline.into_iter().chain(steps).min()
    }
}
