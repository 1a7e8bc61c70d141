//! Plans that are run twice: what a run takes from outside its ports shows when the two do not agree.

mod cause;
mod elsewhere;
mod texts;
mod told;

use std::{panic::resume_unwind, thread};

use serde::{Deserialize, Serialize};

use super::{Runner, Source, WorkloadOf, determinism::compare};
use crate::{
    plan::{Plan, PlanError, derive_seed},
    scenario::Scenario,
    world::{RunOptions, RunReport},
};

pub use cause::DifferenceCause;
pub(super) use elsewhere::Elsewhere;

use told::tell;

/// Two runs of one plan that did not do the same. Nothing that such a scenario shows can be replayed or shrunk, so it
/// ends a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Source of the plan.
    pub source: Source,
    /// The number of the first event that differs; for a trace that is no longer there, how many events it had.
    pub at: u64,
    /// Likely reason of the difference.
    pub cause: DifferenceCause,
    /// Story for a person: the two events, the spans before them, the likely cause.
    pub story: String,
}

/// Plans that were run twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TwiceTally {
    /// Number of plans that were run twice.
    pub plans: u64,
    /// The first one whose two runs differ.
    pub difference: Option<Box<Difference>>,
}

/// Events up to which the traces of two runs are kept to be compared: some ten megabytes each. Longer runs are compared by
/// their fingerprints, and only where these differ are there traces of more runs.
const TRACE_MAX: u64 = 100_000;

/// The first plans of a campaign, whatever the share.
pub(super) const FIRST: u64 = 5;

/// Returns `true` if run `index` of a sweep belongs to the share of one in `one_in` that is run twice. It must not go
/// round with the profiles, which take turns.
pub(super) fn is_chosen(index: u64, one_in: u64) -> bool {
    const SALT: u64 = 0x7731_ce00_0000_0001;
    one_in > 0 && derive_seed(SALT, index).is_multiple_of(one_in)
}

/// Looks whether a plan does the same each time that it is run: on this thread, and on others after it.
///
/// `failed` is the fingerprint of a run that failed, where one did: a run that was like none of these shows a difference,
/// too. `None` means: all the same.
///
/// # Errors
/// [`PlanError`] if the plan can't be honoured.
pub fn diagnose<R: Runner>(
    runner: &R,
    plan: &Plan<WorkloadOf<R>>,
    options: &RunOptions,
    source: Source,
    failed: Option<u64>,
) -> Result<Option<Difference>, PlanError> {
    let first = runner.run(plan, &traced(options))?;
    let found = again(runner, plan, options, &first, &source)?;
    Ok(found.or_else(|| {
        let failed = failed.filter(|failed| *failed != first.fingerprint)?;
        Some(told::of_the_lost(source, "the run that failed", failed, &first))
    }))
}

/// Options that keep the trace, by which two runs are compared, unless it is very long.
pub(super) fn traced(options: &RunOptions) -> RunOptions {
    RunOptions { keep_trace: true, trace_max: options.trace_max.or(Some(TRACE_MAX)), ..options.clone() }
}

/// A run before anything else of this scenario, a rehearsal included: what the first run of a program warms is cold in it
/// alone. `None` where the plan can't be honoured, which whoever runs it next will say.
pub(super) fn cold<R: Runner>(runner: &R, plan: &Plan<WorkloadOf<R>>, options: &RunOptions) -> Option<RunReport> {
    runner.run(plan, &traced(options)).ok()
}

/// The run to compare with: the cold one where there was one. It was judged without what a rehearsal teaches, so only its
/// trace counts.
pub(super) fn coldest(cold: Option<RunReport>, report: &RunReport) -> RunReport {
    match cold {
        Some(cold) => RunReport { violations: report.violations.clone(), ..cold },
        None => report.clone(),
    }
}

/// As [`again`], for one plan of many: runs it on a thread that is kept for that, and on others only if that differs.
pub(super) fn again_beside<R: Runner>(
    elsewhere: &Elsewhere<'_, '_, R>,
    plan: &Plan<WorkloadOf<R>>,
    options: &RunOptions,
    first: &RunReport,
    source: &Source,
) -> Result<Option<Difference>, PlanError> {
    let second = elsewhere.run(plan, &traced(options))?;
    let Some(divergence) = compare(first, &second, "the second run") else { return Ok(None) };
    let found = again(elsewhere.runner(), plan, options, first, source)?;
    Ok(found.or_else(|| {
        if first.trace.is_none() || second.trace.is_none() {
            return Some(told::of_the_lost(source.clone(), "the second run of a plan", second.fingerprint, first));
        }
        let shares_threads = elsewhere.runner().scenario().shares_threads();
        let cause = DifferenceCause::guess([first, &second], divergence.at, false, shares_threads);
        Some(tell(source.clone(), [first, &second, &second], divergence.at, cause))
    }))
}

/// Runs a plan again on another thread and says what differs from `first`, whose trace was kept unless it was very long.
pub(super) fn again<R: Runner>(
    runner: &R,
    plan: &Plan<WorkloadOf<R>>,
    options: &RunOptions,
    first: &RunReport,
    source: &Source,
) -> Result<Option<Difference>, PlanError> {
    let elsewhere = |options: &RunOptions| {
        let joined = thread::scope(|scope| scope.spawn(|| runner.run(plan, options)).join());
        joined.unwrap_or_else(|panic| resume_unwind(panic))
    };
    let second = elsewhere(&traced(options))?;
    let Some(divergence) = compare(first, &second, "the second run") else { return Ok(None) };
    if first.trace.is_none() || second.trace.is_none() {
        let whole = RunOptions { keep_trace: true, trace_max: None, ..options.clone() };
        let later = [elsewhere(&whole)?, elsewhere(&whole)?];
        return Ok(Some(of_long_runs(runner, source, [first, &second], &later)));
    }
    // Two more show whether it was the first one alone that was different, and what the processes told beside it.
    let third = elsewhere(&RunOptions { keep_spans: true, ..traced(options) })?;
    let fourth = elsewhere(&traced(options))?;
    let settled = second.fingerprint == third.fingerprint && second.fingerprint == fourth.fingerprint;
    let shares_threads = runner.scenario().shares_threads();
    let cause = DifferenceCause::guess([first, &second], divergence.at, settled, shares_threads);
    Ok(Some(tell(source.clone(), [first, &second, &third], divergence.at, cause)))
}

/// Says what differs between two runs that were too long for their traces to be kept, by two later ones, whose traces
/// were: these differ, too, or one of the first does not come again.
fn of_long_runs<R: Runner>(
    runner: &R,
    source: &Source,
    [first, second]: [&RunReport; 2],
    later: &[RunReport; 2],
) -> Difference {
    let [one, other] = later;
    if let Some(divergence) = compare(one, other, "the second run") {
        let cause = DifferenceCause::guess([one, other], divergence.at, false, runner.scenario().shares_threads());
        return tell(source.clone(), [one, other, other], divergence.at, cause);
    }
    if first.fingerprint == second.fingerprint {
        // The same events and not the same verdict.
        return tell(source.clone(), [first, second, second], first.events as usize, DifferenceCause::Judgement);
    }
    let lost = if first.fingerprint == one.fingerprint { second } else { first };
    told::of_the_lost(source.clone(), "a run of a plan", lost.fingerprint, one)
}
