//! Checks of a list of steps of which a saga is to be made.

use super::{DefinitionError, StepSpec};
use crate::saga::{AtLimit, Awaits, Phase};

/// Fails unless the steps are in the order of their phases.
pub(super) fn check_phases<D>(steps: &[StepSpec<D>]) -> Result<(), DefinitionError> {
    let mut reached = Phase::Compensatable;
    for (index, step) in steps.iter().enumerate() {
        let name = || step.name.clone();
        if step.phase == Phase::Pivot && steps[..index].iter().any(|earlier| earlier.phase == Phase::Pivot) {
            return Err(DefinitionError::SecondPivot(name()));
        }
        if step.phase < reached {
            return Err(DefinitionError::PhaseOrder { step: name(), phase: step.phase });
        }
        reached = step.phase;
        let Some(before) = index.checked_sub(1).map(|before| &steps[before]) else { continue };
        let same_group = step.parallel.is_some() && before.parallel == step.parallel;
        if same_group && (before.phase != step.phase || step.phase == Phase::Pivot) {
            return Err(DefinitionError::MixedGroup(name()));
        }
    }
    Ok(())
}

/// Fails where a step does not fit its phase, or its name another's.
pub(super) fn check_steps<D: Sync>(steps: &[StepSpec<D>]) -> Result<(), DefinitionError> {
    for (index, step) in steps.iter().enumerate() {
        if step.name.split('/').any(str::is_empty) {
            return Err(DefinitionError::Name(step.name.clone()));
        }
        if steps[..index].iter().any(|earlier| earlier.name == step.name) {
            return Err(DefinitionError::DuplicateStep(step.name.clone()));
        }
        match (step.phase, &step.compensation) {
            (Phase::Compensatable, None) => return Err(DefinitionError::NoCompensation(step.name.clone())),
            (Phase::Pivot | Phase::Retriable, Some(_)) => {
                return Err(DefinitionError::NeedlessCompensation(step.name.clone()));
            }
            _ => {}
        }
        let awaits = step.action.awaits();
        if awaits.is_some() && step.action.is_remote() {
            return Err(DefinitionError::WaitsAndAsks(step.name.clone()));
        }
        let rejects = matches!(awaits, Some(Awaits::Signal { at_limit: AtLimit::Reject, .. }));
        if step.phase == Phase::Retriable && rejects {
            return Err(DefinitionError::NeedlessRejection(step.name.clone()));
        }
        if step.phase == Phase::Retriable && step.deadline.is_some() {
            return Err(DefinitionError::NeedlessDeadline(step.name.clone()));
        }
    }
    Ok(())
}
