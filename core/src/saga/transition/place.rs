//! Steps of which something may be recorded in a state.

use crate::saga::{ActionState, CompensationState, State, Status, steps::Edit};

/// A step whose action may be recorded now.
pub(super) fn forward_step(state: &State, path: &str) -> Result<usize, &'static str> {
    require(state.status == Status::Running, "the saga does not go forward")?;
    let index = state.shape.index_of(path).ok_or("there is no such step")?;
    require(state.steps[index].action == ActionState::Pending, "the step is settled")?;
    require(state.may_run(index), "an earlier step is not settled")?;
    Ok(index)
}

/// A step whose compensation may be recorded now.
pub(super) fn backward_step<'a>(state: &'a mut State, path: &str) -> Result<Edit<'a>, &'static str> {
    require(state.status == Status::Compensating, "the saga does not go back")?;
    let index = state.shape.index_of(path).ok_or("there is no such step")?;
    require(state.needs_compensation(index), "the step has nothing to undo")?;
    require(state.steps[index].compensation == CompensationState::Pending, "its compensation is settled")?;
    require(state.may_compensate(index), "a later step is not undone yet")?;
    Ok(state.edit(index))
}

/// Fails with a reason unless something holds.
pub(super) fn require(holds: bool, otherwise: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(otherwise) }
}
