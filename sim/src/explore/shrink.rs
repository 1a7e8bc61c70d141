use seaworthy_core::stop::Stop;

use super::{Rehearsal, Runner, WorkloadOf};
use crate::{
    invariants::{Ending, Violation},
    plan::Workload,
    plan::{Plan, PlanError, Shrinker},
    world::{RunOptions, RunReport},
};

/// Effort of a port call, in steps: as many as the budget of a run allows for it unless it is told otherwise.
const STEPS_A_CALL: u64 = 30;

/// A run that uses up its budget by so many steps takes a tenth of a second or more.
const COSTLY: u64 = 1_000_000;

/// So many runs are made whatever they cost: they take the coarse steps, each of which may make all others cheap.
const COARSE: u64 = 10;

/// Options of shrinking.
#[derive(Clone)]
#[non_exhaustive]
pub struct ShrinkOptions {
    /// Runs that it may make. A plan of a few faults and orders needs some hundred.
    pub runs: u64,
    /// Effort that it may spend on runs that use up their [budget](crate::world::Budget), in steps; a port call counts as
    /// 30. Such a run takes as long as hundreds that come to rest, so that some ten of them use up the default; ten are
    /// made in any case. What comes to rest, or fails before, costs nothing of it.
    pub effort: u64,
    /// Options of each run.
    pub run: RunOptions,
    /// Set from elsewhere to end it with what was reached.
    pub stop: Stop,
}

impl Default for ShrinkOptions {
    fn default() -> Self {
        Self { runs: 5_000, effort: 50_000_000, run: RunOptions::default(), stop: Stop::new() }
    }
}

impl ShrinkOptions {
    /// Sets the runs that it may make.
    #[must_use]
    pub fn runs(mut self, runs: u64) -> Self {
        self.runs = runs;
        self
    }

    /// Sets the effort that it may spend on runs that use up their budget.
    #[must_use]
    pub fn effort(mut self, effort: u64) -> Self {
        self.effort = effort;
        self
    }

    /// Sets the options of each run.
    #[must_use]
    pub fn run(mut self, run: RunOptions) -> Self {
        self.run = run;
        self
    }

    /// Sets the stop that ends it with what was reached.
    #[must_use]
    pub fn stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }
}

/// Progress of shrinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShrinkProgress {
    /// Number of runs that were made.
    pub runs: u64,
    /// Faults of the smallest failing plan so far.
    pub faults: usize,
    /// Items of its workload.
    pub items: usize,
}

/// A plan that is as small as it gets and still fails in the same way.
#[derive(Clone, Debug)]
pub struct Shrunk<W> {
    /// Plan that is left.
    pub plan: Plan<W>,
    /// Report of its run, with the whole trace; the violation that was shrunk towards stands first.
    pub report: RunReport,
    /// The violation, as it looks in that run.
    pub violation: Violation,
    /// Runs made, verification included.
    pub runs: u64,
    /// `true` if no single fault and no single item can be left out, and no fault and no latency be simpler; `false` where
    /// the runs or the effort was used up or it was stopped before that was known.
    pub minimal: bool,
}

/// Error of a failure that can't be shrunk.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShrinkError {
    /// The plan does not show it.
    #[error("the plan does not violate {invariant} when it is run again")]
    NotReproduced {
        /// Name of the invariant.
        invariant: String,
    },
    /// Two runs of one plan differ.
    #[error(
        "two runs of one plan differ (fingerprints {first:#018x} and {second:#018x}): the code under test draws time, order or randomness from outside its ports"
    )]
    Nondeterministic {
        /// Fingerprint of the first run.
        first: u64,
        /// Fingerprint of the second run.
        second: u64,
    },
    /// A plan can't be honoured.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// Returns `true` if two violations are the same failure: the same invariant, about an entity of the same kind
/// ([`Entity::is_like`](crate::invariants::Entity::is_like)), and for panics the same place in the code. The number may
/// differ, since with fewer orders they are numbered anew.
pub fn is_same_failure(one: &Violation, other: &Violation) -> bool {
    // A smaller workload may make somebody panic who never does: a client that takes the first of no items.
    let same_place = match (&one.panicked_at, &other.panicked_at) {
        (Some(one), Some(other)) => one == other,
        // Nobody knows the place of one of them.
        _ => true,
    };
    one.invariant == other.invariant && one.entity.is_like(&other.entity) && same_place
}

/// Makes a failing plan smaller, only towards the same failure (see [`is_same_failure`]). Each step is run twice, and
/// taken only if both runs have the same fingerprint; of runs that take long because they use up their budget, only the
/// last one is.
///
/// # Errors
/// [`ShrinkError`] where the plan does not show the violation, or not each time.
pub fn shrink<R: Runner>(
    runner: &R,
    plan: &Plan<WorkloadOf<R>>,
    violation: &Violation,
    options: &ShrinkOptions,
    progress: &dyn Fn(&ShrinkProgress),
) -> Result<Shrunk<WorkloadOf<R>>, ShrinkError> {
    let rehearsal = Rehearsal::new(runner, options.run.clone());
    let mut trial = Trial { runner: &rehearsal, violation, options, runs: 0, effort: 0, taken: 0 };
    let first = trial.run(plan, &options.run)?;
    if trial.found_in(&first).is_none() {
        return Err(ShrinkError::NotReproduced { invariant: violation.invariant.to_string() });
    }
    trial.verify(plan, &first)?;

    let mut shrinker = Shrinker::new(plan.clone());
    // What never struck did nothing: one candidate without all of it saves most of the removals one by one.
    let struck = Plan {
        faults: plan
            .faults
            .iter()
            .enumerate()
            .filter(|(index, _)| first.fired.iter().any(|fired| fired.index as usize == *index))
            .map(|(_, fault)| fault.clone())
            .collect(),
        ..plan.clone()
    };
    if struck.faults.len() < plan.faults.len() && trial.fails(&struck)? {
        shrinker = Shrinker::new(struck);
    }
    let minimal = loop {
        if trial.is_over() {
            break false;
        }
        let Some(candidate) = shrinker.propose() else { break true };
        let still_fails = trial.fails(candidate)?;
        shrinker.decide(still_fails);
        let best = shrinker.best();
        progress(&ShrinkProgress { runs: trial.runs, faults: best.faults.len(), items: best.workload.len() });
    };

    let plan = shrinker.best().clone();
    let mut report = trial.run(&plan, &RunOptions { keep_trace: true, ..options.run.clone() })?;
    trial.same(report.fingerprint)?;
    match report.violations.iter().position(|found| is_same_failure(found, violation)) {
        Some(at) => {
            report.violations[..=at].rotate_right(1);
            let violation = report.violations[0].clone();
            Ok(Shrunk { plan, report, violation, runs: trial.runs, minimal })
        }
        None => Err(ShrinkError::NotReproduced { invariant: violation.invariant.to_string() }),
    }
}

/// Runs candidates and counts the runs, and the effort of those that use up their budget.
struct Trial<'a, R> {
    runner: &'a R,
    violation: &'a Violation,
    options: &'a ShrinkOptions,
    runs: u64,
    effort: u64,
    /// Fingerprint of the run of the plan that was taken last.
    taken: u64,
}

impl<R: Runner> Trial<'_, R> {
    fn run(&mut self, plan: &Plan<WorkloadOf<R>>, options: &RunOptions) -> Result<RunReport, PlanError> {
        self.runs += 1;
        let report = self.runner.run(plan, options)?;
        self.effort = self.effort.saturating_add(effort(&report));
        Ok(report)
    }

    /// Returns `true` if no further candidate may be tried, which may take two runs.
    fn is_over(&self) -> bool {
        let is_costly = self.runs >= COARSE && self.effort >= self.options.effort;
        is_costly || self.runs.saturating_add(2) >= self.options.runs || self.options.stop.is_set()
    }

    fn found_in<'r>(&self, report: &'r RunReport) -> Option<&'r Violation> {
        report.violations.iter().find(|found| is_same_failure(found, self.violation))
    }

    /// Returns `true` if a candidate still fails in the same way, each time.
    fn fails(&mut self, plan: &Plan<WorkloadOf<R>>) -> Result<bool, ShrinkError> {
        // The plan itself can be honoured; a candidate that can't be, such as one whose fault now outlasts its workload by
        // too much, shows nothing.
        let Ok(report) = self.run(plan, &self.options.run) else { return Ok(false) };
        if self.found_in(&report).is_none() {
            return Ok(false);
        }
        self.verify(plan, &report)?;
        Ok(true)
    }

    /// Takes a plan that fails, if it fails each time. A costly one is run again only where it is the last.
    fn verify(&mut self, plan: &Plan<WorkloadOf<R>>, report: &RunReport) -> Result<(), ShrinkError> {
        self.taken = report.fingerprint;
        if effort(report) >= COSTLY {
            return Ok(());
        }
        let second = self.run(plan, &self.options.run)?.fingerprint;
        self.same(second)
    }

    /// Fails if another run of the plan that was taken last has another fingerprint.
    fn same(&self, second: u64) -> Result<(), ShrinkError> {
        let first = self.taken;
        if first == second { Ok(()) } else { Err(ShrinkError::Nondeterministic { first, second }) }
    }
}

/// Effort of a run that used up its budget, in steps; zero for all others.
fn effort(report: &RunReport) -> u64 {
    if report.ending != Ending::OutOfBudget {
        return 0;
    }
    let calls: u64 = report.calls.iter().sum();
    report.effort.wakes.saturating_add(calls.saturating_mul(STEPS_A_CALL))
}
