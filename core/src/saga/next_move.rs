use super::{ActionState, CompensationCause, CompensationState, State, Status};
use crate::ports::Timestamp;

/// Next move of a saga.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Next {
    /// Run the actions of these steps, side by side.
    Run(Vec<usize>),
    /// Run the compensations of these steps, side by side.
    Compensate(Vec<usize>),
    /// Turn back, for this cause.
    BeginCompensation(CompensationCause),
    /// All steps are settled.
    Complete,
    /// All that was done is undone.
    FinishCompensation,
    /// Nothing is due before this moment of the store's clock; [`Timestamp::MAX`] where a signal is awaited.
    Wait(Timestamp),
    /// Only an operator can help.
    GiveUp(String),
    /// Nothing: it has ended, is stuck, or does not exist.
    Idle,
}

/// Returns the next move of a saga in this state, at `now` by the store's clock, when none of its steps is under way.
pub fn next_move(state: &State, now: Timestamp) -> Next {
    match state.status {
        Status::Running => forward(state, now),
        Status::Compensating => backward(state, now),
        Status::New | Status::Stuck(_) | Status::Completed | Status::Compensated | Status::Abandoned => Next::Idle,
    }
}

fn forward(state: &State, now: Timestamp) -> Next {
    if state.is_rejected() {
        return Next::BeginCompensation(CompensationCause::Rejected);
    }
    let Some(first) = state.first_open() else { return Next::Complete };
    let turning_point = state.turning_point();
    if turning_point.is_some_and(|moment| moment <= now) {
        return Next::BeginCompensation(CompensationCause::Deadline);
    }
    let open = state.shape.group_of(first).filter(|index| state.steps[*index].action == ActionState::Pending);
    let (mut due, mut wait, mut exhausted) = (Vec::new(), turning_point, None);
    for index in open {
        let step = &state.steps[index];
        if let Some(why) = state.given_up(index) {
            exhausted = Some((index, why));
        } else if let (Some(waiting), true, None) =
            (step.waiting, state.shape.steps[index].awaits.is_some(), state.arrival(index, now))
        {
            let moment = waiting.until.unwrap_or(Timestamp::MAX);
            wait = Some(wait.map_or(moment, |other| other.min(moment)));
        } else if let Some(moment) = step.forward.not_before.filter(|moment| *moment > now) {
            wait = Some(wait.map_or(moment, |other| other.min(moment)));
        } else {
            due.push(index);
        }
    }
    match (due.is_empty(), wait, exhausted) {
        (false, ..) => Next::Run(due),
        // A wait for a signal has no end: nothing is to be hidden behind it.
        (true, None | Some(Timestamp::MAX), Some((index, why))) => Next::GiveUp(state.why_given_up(index, why)),
        (true, Some(moment), _) => Next::Wait(moment),
        (true, None, None) => Next::Idle,
    }
}

fn backward(state: &State, now: Timestamp) -> Next {
    let open = |index: &usize| {
        state.needs_compensation(*index) && state.steps[*index].compensation == CompensationState::Pending
    };
    let Some(last) = state.last_to_undo() else {
        let exhausted = state.steps.iter().position(|step| step.compensation == CompensationState::Exhausted);
        return exhausted.map_or(Next::FinishCompensation, |index| {
            let path = &state.shape.steps[index].path;
            let last = state.steps[index].error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
            Next::GiveUp(format!("the compensation of step `{path}` has used up its attempts{last}"))
        });
    };
    let (mut due, mut wait) = (Vec::new(), None::<Timestamp>);
    for index in state.shape.group_of(last).filter(open) {
        match state.steps[index].backward.not_before.filter(|moment| *moment > now) {
            Some(moment) => wait = Some(wait.map_or(moment, |other| other.min(moment))),
            None => due.push(index),
        }
    }
    match wait {
        Some(moment) if due.is_empty() => Next::Wait(moment),
        _ => Next::Compensate(due),
    }
}
