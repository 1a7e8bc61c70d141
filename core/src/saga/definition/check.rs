//! Checks of a list of steps of which a saga is to be made.

use std::time::Duration;

use smol_str::{SmolStr, format_smolstr};

use super::{DefinitionError, DefinitionPolicy, StepSpec};
use crate::{
    saga::{AtLimit, Awaits, Phase},
    settings::{Checks, InvalidSetting},
};

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

/// Fails where a saga, or a step, could not work by its settings.
pub(super) fn check_settings<D>(
    name: &SmolStr,
    policy: &DefinitionPolicy,
    steps: &[StepSpec<D>],
) -> Result<(), DefinitionError> {
    let of = |of: SmolStr| move |setting| DefinitionError::Setting { of, setting };
    let definition = || format_smolstr!("definition `{name}`");
    policy.retry.check().map_err(of(definition()))?;
    check_deadline("DefinitionPolicy", policy.deadline).map_err(of(definition()))?;
    for step in steps {
        for policy in [step.retry, step.compensation_retry].into_iter().flatten() {
            policy.check().map_err(of(format_smolstr!("step `{}`", step.name)))?;
        }
        check_deadline("StepSpec", step.deadline).map_err(of(format_smolstr!("step `{}`", step.name)))?;
    }
    Ok(())
}

fn check_deadline(settings: &'static str, deadline: Option<Duration>) -> Result<(), InvalidSetting> {
    let reason = "each saga would turn back before it has done anything; None lets it take its time";
    Checks::new(settings).lasting("deadline", deadline.unwrap_or(Duration::MAX), reason)
}
