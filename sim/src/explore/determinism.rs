use std::thread;

use super::{Runner, WorkloadOf};
use crate::{
    plan::{Plan, PlanError},
    trace::Event,
    world::{RunOptions, RunReport},
};

/// Two runs of one plan that did not do the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nondeterminism {
    /// The number of the first event that differs.
    pub at: usize,
    /// Event in the first run; `None` where its trace had ended.
    pub first: Option<Event>,
    /// Event in the other run; `None` where its trace had ended.
    pub second: Option<Event>,
    /// Name of the other run: `the second run` or `the run in another thread`.
    pub other: &'static str,
}

/// Runs a plan twice, and once more in another thread, and compares whole traces. `None` means: all the same.
///
/// # Errors
/// [`PlanError`] if the plan can't be honoured.
pub fn determinism<R: Runner>(
    runner: &R,
    plan: &Plan<WorkloadOf<R>>,
    options: &RunOptions,
) -> Result<Option<Nondeterminism>, PlanError> {
    let options = RunOptions { keep_trace: true, ..options.clone() };
    let first = runner.run(plan, &options)?;
    let again = runner.run(plan, &options)?;
    if let Some(divergence) = compare(&first, &again, "the second run") {
        return Ok(Some(divergence));
    }
    let elsewhere = thread::scope(|scope| scope.spawn(|| runner.run(plan, &options)).join());
    match elsewhere {
        Ok(elsewhere) => Ok(compare(&first, &elsewhere?, "the run in another thread")),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

pub(super) fn compare(one: &RunReport, other: &RunReport, name: &'static str) -> Option<Nondeterminism> {
    let (first, second) = (one.trace.as_deref().unwrap_or_default(), other.trace.as_deref().unwrap_or_default());
    let at = first_divergence(first, second).or_else(|| {
        // The same events and yet not the same verdict: the difference is in what followed the last one.
        let same = one.fingerprint == other.fingerprint && one.violations == other.violations;
        (!same).then_some(first.len())
    })?;
    Some(Nondeterminism { at, first: first.get(at).cloned(), second: second.get(at).cloned(), other: name })
}

/// The position of the first event in which two traces differ; a trace that ends early differs where it ends.
pub fn first_divergence(one: &[Event], other: &[Event]) -> Option<usize> {
    let common = one.iter().zip(other).position(|(one, other)| one != other);
    common.or_else(|| (one.len() != other.len()).then(|| one.len().min(other.len())))
}
