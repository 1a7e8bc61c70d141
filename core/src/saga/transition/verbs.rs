//! An operator's word, as it changes the state.

use super::place::require;
use crate::{
    ids::Direction,
    saga::{ActionState, CompensationState, State, Status, Value},
};

/// Sets a stuck saga going again, with fresh budgets.
pub(super) fn resume(state: &mut State) -> Result<(), &'static str> {
    let Status::Stuck(direction) = state.status else { return Err("it is not stuck") };
    state.stuck = None;
    for index in 0..state.steps.len() {
        let mut step = state.edit(index);
        step.forward.renew();
        step.backward.renew();
        if step.compensation == CompensationState::Exhausted {
            step.compensation = CompensationState::Pending;
        }
    }
    state.status = match direction {
        Direction::Action => Status::Running,
        Direction::Compensation => Status::Compensating,
    };
    Ok(())
}

/// Takes a step as settled in the direction in which the saga goes.
pub(super) fn skip(state: &mut State, path: &str) -> Result<(), &'static str> {
    let index = state.shape.index_of(path).ok_or("there is no such step")?;
    if matches!(state.status, Status::Compensating | Status::Stuck(Direction::Compensation)) {
        require(state.needs_compensation(index), "the step has nothing to undo")?;
        let mut step = state.edit(index);
        require(
            matches!(step.compensation, CompensationState::Pending | CompensationState::Exhausted),
            "its compensation is settled",
        )?;
        step.compensation = CompensationState::Skipped;
    } else {
        require(state.may_run(index), "an earlier step is not settled")?;
        let mut step = state.edit(index);
        require(step.action == ActionState::Pending, "the step is settled")?;
        step.action = ActionState::Skipped;
        // Whether it ran is still open: going back must undo it.
        step.unknown |= step.asking;
        step.asking = false;
    }
    Ok(())
}

/// Takes an operator's word for what became of a step: the output with which it is done, or none if it never was.
pub(super) fn settle(state: &mut State, path: &str, done: Option<&Value>) -> Result<(), &'static str> {
    let index = state.shape.index_of(path).ok_or("there is no such step")?;
    let step = &state.steps[index];
    require(step.action == ActionState::Pending, "the step is settled")?;
    let goes_forward = matches!(state.status, Status::Running | Status::Stuck(Direction::Action));
    let waits = goes_forward && state.shape.steps[index].awaits.is_some();
    let may_be_done = waits || step.is_doubtful() || matches!(state.status, Status::Stuck(Direction::Action));
    match done {
        Some(_) => require(may_be_done, "the step is not in doubt, and the saga is not stuck")?,
        None => require(step.is_doubtful(), "the step is not in doubt")?,
    }
    require(!goes_forward || state.may_run(index), "an earlier step is not settled")?;
    let mut step = state.edit(index);
    (step.asking, step.unknown) = (false, false);
    if let Some(output) = done {
        step.action = ActionState::Done;
        step.output = output.clone();
    }
    Ok(())
}
