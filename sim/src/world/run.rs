use super::{RunOptions, RunReport};
use crate::{
    plan::{Plan, PlanError},
    scenario::Scenario,
};

/// Executes `plan` once, on a fresh thread.
///
/// # Errors
/// [`PlanError`] if the plan can't be honoured to the letter.
pub fn run<S: Scenario>(scenario: &S, plan: &Plan<S::Workload>, options: &RunOptions) -> Result<RunReport, PlanError> {
    let _ = options;
    plan.validate(scenario.name(), &scenario.topology())?;
    unreachable!("the world lands next")
}
