mod arrival;
mod signals;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use smol_str::SmolStr;

pub(crate) use self::arrival::Arrival;
use self::signals::Signals;
use super::{
    ActionState, Awaits, CompensationCause, Origin, SagaRequest, Shape, StepShape, StepSummary, Steps, Summary, Value,
    passage::FirstNames,
    steps::{Edit, Spent},
};
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

/// A saga's state: the fold of its log through [`next`](super::next).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub(crate) shape: Arc<Shape>,
    pub(crate) status: Status,
    pub(crate) cause: Option<CompensationCause>,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) origin: Option<Arc<Origin>>,
    /// Trace context of the message or the request that it was started for.
    pub(crate) traceparent: Option<SmolStr>,
    /// Signals that steps will wait for.
    pub(crate) signals: Signals,
    pub(crate) steps: Steps,
    /// Requests of an operator without an answer, the oldest first.
    pub(crate) requests: Vec<SagaRequest>,
    /// Reason for which it is stuck.
    pub(crate) stuck: Option<SmolStr>,
}

impl State {
    /// The state before the first log entry.
    pub fn new(shape: Arc<Shape>) -> Self {
        let steps = Steps::new(&shape.steps);
        Self {
            shape,
            status: Status::New,
            cause: None,
            deadline: None,
            origin: None,
            traceparent: None,
            signals: Signals::new(),
            steps,
            requests: Vec::new(),
            stuck: None,
        }
    }

    /// Returns the state that a summary stands for.
    pub(crate) fn of_summary(shape: Arc<Shape>, summary: &Summary) -> Result<Self, &'static str> {
        let mut state = Self::new(shape);
        state.status = if summary.cause.is_some() { Status::Compensating } else { Status::Running };
        (state.cause, state.deadline) = (summary.cause, summary.deadline);
        state.origin = summary.origin.clone().map(Arc::new);
        let of_origin = || summary.origin.as_ref().and_then(|origin| origin.traceparent.clone());
        state.traceparent = summary.traceparent.clone().or_else(of_origin);
        summary.signals.iter().for_each(|signal| state.signals.push(signal.clone()));
        for step in &summary.steps {
            let index = state.shape.index_of(&step.path).ok_or("the summary names a step that is not there")?;
            *state.edit(index) = step.state.clone();
            let name = state.shape.steps[index].awaits.as_ref().and_then(Awaits::signal);
            if let Some((name, id)) = name.zip(step.state.signal.as_ref()) {
                state.signals.received(name, id);
            }
        }
        Ok(state)
    }

    /// Returns what a log may keep of the state of an active saga.
    pub(crate) fn summary(&self, names: &FirstNames) -> Summary {
        let steps = self.shape.steps.iter().zip(self.steps.iter()).map(|(shape, step)| {
            let first = names.of(&shape.path);
            let first_name = (*first != shape.path).then(|| first.clone());
            let waits = step.waiting.is_some() && step.action == ActionState::Pending;
            let awaits = shape.awaits.as_ref().filter(|_| waits).and_then(Awaits::signal).cloned();
            StepSummary { path: shape.path.clone(), first_name, awaits, state: step.clone() }
        });
        let origin = self.origin.as_deref().cloned();
        let signals = self.signals.to_vec();
        // That of a message stands with the message.
        let traceparent = self.traceparent.clone().filter(|_| origin.is_none());
        let (cause, deadline) = (self.cause, self.deadline);
        Summary { origin, traceparent, cause, deadline, signals, steps: steps.collect() }
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

    /// Returns the message that it was started for, if it was started for one.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_deref()
    }

    /// Returns the trace context of the message or the request that it was started for, if it had one: its messages carry it.
    pub fn traceparent(&self) -> Option<&SmolStr> {
        self.traceparent.as_ref()
    }

    /// Returns the requests of an operator that wait for an answer, the oldest first.
    pub fn requests(&self) -> &[SagaRequest] {
        &self.requests
    }

    /// Returns the shape of its definition.
    pub fn shape(&self) -> &Arc<Shape> {
        &self.shape
    }

    /// Returns its steps, in the order of the shape.
    pub fn steps(&self) -> &Steps {
        &self.steps
    }

    /// The output of a step that is done.
    pub fn output(&self, path: &str) -> Option<&Value> {
        let step = &self.steps[self.shape.index_of(path)?];
        (step.action == ActionState::Done).then_some(&step.output)
    }

    /// The output of a step that is done, as a step beside it names it: inside a nested saga by its own name.
    pub(super) fn output_beside(&self, beside: &str, step: &str) -> Option<&Value> {
        match beside.rsplit_once('/') {
            Some((scope, _)) => self.output(&format!("{scope}/{step}")).or_else(|| self.output(step)),
            None => self.output(step),
        }
    }

    /// Returns the steps that wait, each with what it waits for, and until when by the store's clock.
    pub fn waiting(&self) -> impl Iterator<Item = (&StepShape, Option<Timestamp>)> {
        let is_open = self.status.stored() == SagaStatus::Running;
        let steps = self.shape.steps.iter().zip(self.steps.iter()).filter(move |_| is_open);
        steps.filter_map(|(shape, step)| {
            let waits = step.action == ActionState::Pending && shape.awaits.is_some();
            Some((shape, step.waiting.filter(|_| waits)?.until))
        })
    }

    /// Returns `true` if the saga can only go forward: its pivot has committed, or may have. Where there is no pivot,
    /// the first retriable step takes its part.
    pub fn is_past_return(&self) -> bool {
        match self.shape.pivot() {
            Some(pivot) => self.steps[pivot].has_passed(),
            None => self.steps.sum().endures,
        }
    }

    /// Returns `true` if a step was refused for good.
    pub fn is_rejected(&self) -> bool {
        self.steps.sum().rejected
    }

    /// Returns `true` if a step has, or may have, effects that going back must undo.
    pub fn needs_compensation(&self, index: usize) -> bool {
        self.steps[index].needs_compensation(&self.shape.steps[index])
    }

    /// Returns a step to change.
    pub(super) fn edit(&mut self, index: usize) -> Edit<'_> {
        self.steps.edit(index, &self.shape.steps)
    }

    /// Returns the first step that is not settled.
    pub(super) fn first_open(&self) -> Option<usize> {
        self.steps.first(&self.shape.steps, |sum| sum.open)
    }

    /// Returns the last step that waits for its compensation.
    pub(super) fn last_to_undo(&self) -> Option<usize> {
        self.steps.last(&self.shape.steps, |sum| sum.to_undo)
    }

    /// Returns the reason why a step's action is attempted no more without an operator, if there is one.
    pub(crate) fn given_up(&self, index: usize) -> Option<Spent> {
        self.steps[index].spent(&self.shape.steps[index])
    }

    /// Returns what an operator is told of a step that was given up.
    pub(crate) fn why_given_up(&self, index: usize, why: Spent) -> String {
        let path = &self.shape.steps[index].path;
        let last = match &self.steps[index].error {
            Some(error) => format!(": {error}"),
            None => String::new(),
        };
        match why {
            Spent::Budget => format!("step `{path}` has used up its attempts{last}"),
            Spent::Crashes(lost) => {
                format!("the last {lost} attempts of step `{path}` ended with their process or in a panic{last}")
            }
        }
    }

    /// Returns `true` if all groups before that of the step are settled.
    pub(crate) fn may_run(&self, index: usize) -> bool {
        let group = self.shape.steps[index].group;
        self.first_open().is_none_or(|open| self.shape.steps[open].group >= group)
    }

    /// Returns `true` if nothing after the step's group waits for its compensation.
    pub(crate) fn may_compensate(&self, index: usize) -> bool {
        let group = self.shape.steps[index].group;
        self.last_to_undo().is_none_or(|last| self.shape.steps[last].group <= group)
    }

    /// Returns the time at which the saga has to turn back unless it gets past its pivot: the earliest of its own
    /// deadline and those of the steps it is at.
    pub(crate) fn turning_point(&self) -> Option<Timestamp> {
        if self.is_past_return() {
            return None;
        }
        self.deadline.into_iter().chain(self.steps.sum().turns_at).min()
    }

    /// Returns `true` if a step that is under way has to hear of what came after `was`: the saga turns, or will do so
    /// earlier.
    pub(super) fn concerns_siblings(&self, was: &Self) -> bool {
        let is_earlier = match (self.turning_point(), was.turning_point()) {
            (Some(now), Some(then)) => now < then,
            (now, _) => now.is_some(),
        };
        is_earlier || self.status != was.status || self.is_rejected() != was.is_rejected()
    }

    /// Returns `true` if nothing follows from the state of a saga that goes forward but work that is due or waits for its
    /// time: a quick word on what [`next_move`](super::next_move) says at length.
    pub(super) fn has_work(&self) -> bool {
        let Some(open) = self.first_open().filter(|_| !self.is_rejected()) else { return false };
        let sum = self.steps.sum_of(self.shape.group_of(open), &self.shape.steps);
        !sum.given_up || sum.goes_on_at.is_some_and(|moment| moment < Timestamp::MAX)
    }
}
