//! Knowledge of one step, and of some together.

use crate::{
    ports::Timestamp,
    saga::{ActionState, CompensationState, Phase, StepShape, StepState, work},
};

/// Reason why a step is attempted no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spent {
    /// Its budget is used up.
    Budget,
    /// So many attempts in a row were never heard of again.
    Crashes(u32),
}

impl StepState {
    /// Returns the reason why its action is attempted no more without an operator, if there is one.
    ///
    /// A doubt has no budget, since giving up would leave it; what ends its process each time, or panics once somebody was
    /// asked, has one all the same, and so has our own part once somebody who was asked has agreed.
    pub(in crate::saga) fn spent(&self, shape: &StepShape) -> Option<Spent> {
        if self.forward.lost >= shape.retry.crashes_max.max(1) {
            return Some(Spent::Crashes(self.forward.lost));
        }
        let has_budget = !self.is_doubtful() || self.forward.panicked;
        let is_over = has_budget && shape.retry.is_exhausted(self.forward.spent, shape.remote);
        (is_over || shape.retry.is_own_part_exhausted(self.forward.own)).then_some(Spent::Budget)
    }

    /// Returns `true` if it has committed, or may have.
    pub(in crate::saga) fn has_passed(&self) -> bool {
        self.is_settled() || (self.action == ActionState::Pending && self.is_doubtful())
    }

    /// Returns `true` if it has, or may have, effects that going back must undo.
    pub(in crate::saga) fn needs_compensation(&self, shape: &StepShape) -> bool {
        shape.phase == Phase::Compensatable && (self.action == ActionState::Done || self.is_doubtful())
    }
}

/// Knowledge of some steps together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::saga) struct Sum {
    /// One is not settled.
    pub(in crate::saga) open: bool,
    /// One was refused for good.
    pub(in crate::saga) rejected: bool,
    /// One that is tried again until it is done has committed, or may have.
    pub(in crate::saga) endures: bool,
    /// One waits for its compensation.
    pub(in crate::saga) to_undo: bool,
    /// The earliest deadline of those that are under way.
    pub(in crate::saga) turns_at: Option<Timestamp>,
    /// One is pending and attempted no more.
    pub(in crate::saga) given_up: bool,
    /// The earliest moment at which one may be attempted that waits for nothing but time.
    pub(in crate::saga) goes_on_at: Option<Timestamp>,
}

impl Sum {
    #[inline]
    pub(super) fn from_step(step: &StepState, shape: &StepShape) -> Self {
        let is_pending = step.action == ActionState::Pending;
        let is_given_up = is_pending && step.spent(shape).is_some();
        let waits = step.waiting.is_some() && shape.awaits.is_some();
        let goes_on = is_pending && !is_given_up && !waits;
        Self {
            open: !step.is_settled(),
            rejected: step.action == ActionState::Rejected,
            endures: shape.phase == Phase::Retriable && step.has_passed(),
            to_undo: step.compensation == CompensationState::Pending && step.needs_compensation(shape),
            turns_at: shape.deadline.and_then(|deadline| Some(step.forward.since.filter(|_| is_pending)? + deadline)),
            given_up: is_given_up,
            goes_on_at: goes_on.then(|| step.forward.not_before.unwrap_or_default()),
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        let earlier = |one: Option<Timestamp>, other| one.into_iter().chain(other).min();
        Self {
            open: self.open | other.open,
            rejected: self.rejected | other.rejected,
            endures: self.endures | other.endures,
            to_undo: self.to_undo | other.to_undo,
            turns_at: earlier(self.turns_at, other.turns_at),
            given_up: self.given_up | other.given_up,
            goes_on_at: earlier(self.goes_on_at, other.goes_on_at),
        }
    }

    pub(super) fn of_leaf(steps: &[StepState], shapes: &[StepShape]) -> Self {
        work::done(steps.len());
        steps.iter().zip(shapes).fold(Self::default(), |sum, (step, shape)| sum.and(Self::from_step(step, shape)))
    }
}
