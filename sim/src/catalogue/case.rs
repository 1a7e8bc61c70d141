use std::path::Path;

use crate::{
    explore::{
        CorpusError, Rehearsal, ShrinkError, ShrinkOptions, ShrinkProgress, Source, diagnose, shrink, write_plan,
    },
    invariants::Violation,
    plan::{Plan, PlanError},
    scenario::{Scenario, Workload},
    story::{Pointers, Style, tell},
    world::{RunOptions, RunReport},
};

/// One plan of one scenario, whatever its workload: [`Entry::draw`](super::Entry::draw) and
/// [`Entry::read`](super::Entry::read) make it, and [`case()`] where the types are known.
pub trait Case {
    /// The scenario's name.
    fn scenario(&self) -> &str;

    /// What the workload consists of: `orders`.
    fn noun(&self) -> &'static str;

    /// The plan's seed.
    fn seed(&self) -> u64;

    /// How many faults are planned.
    fn faults(&self) -> usize;

    /// How many items the workload has.
    fn items(&self) -> usize;

    /// The plan as it is committed: see [`Plan::print`].
    fn print(&self) -> String;

    /// Writes the plan to a file: see [`write_plan`].
    ///
    /// # Errors
    /// [`CorpusError::File`].
    fn write(&self, path: &Path) -> Result<(), CorpusError>;

    /// Executes the plan once, judged as a sweep judges it: see [`Rehearsal`].
    ///
    /// # Errors
    /// [`PlanError`] where the scenario can't honour it.
    fn run(&self, options: &RunOptions) -> Result<RunReport, PlanError>;

    /// Makes the plan smaller towards the same failure: see [`shrink`].
    ///
    /// # Errors
    /// As for [`shrink`].
    fn shrink<'s>(
        &'s self,
        violation: &Violation,
        options: &ShrinkOptions,
        progress: &dyn Fn(&ShrinkProgress),
    ) -> Result<Smaller<'s>, ShrinkError>;

    /// Says why a failure does not come again, where two runs of this plan differ: see [`diagnose`]. `fingerprint` is that of
    /// the run that failed.
    fn diagnose(&self, options: &RunOptions, source: Source, fingerprint: u64) -> Option<String>;

    /// Tells what went wrong in a run of this plan: see [`tell`].
    fn tell(&self, report: &RunReport, pointers: Pointers<'_>, style: Style) -> String;
}

/// What shrinking came to: as [`Shrunk`](crate::explore::Shrunk), whatever the workload.
pub struct Smaller<'s> {
    /// The smaller plan.
    pub case: Box<dyn Case + 's>,
    /// Its run, with the whole trace; the violation that was shrunk towards stands first.
    pub report: RunReport,
    /// Runs made.
    pub runs: u64,
    /// Whether nothing more can be left out.
    pub minimal: bool,
}

/// The case of a scenario and a plan.
pub fn case<S: Scenario>(scenario: &S, plan: Plan<S::Workload>) -> impl Case + '_ {
    Typed { scenario, plan }
}

struct Typed<'a, S: Scenario> {
    scenario: &'a S,
    plan: Plan<S::Workload>,
}

impl<S: Scenario> Case for Typed<'_, S> {
    fn scenario(&self) -> &str {
        self.scenario.name()
    }

    fn noun(&self) -> &'static str {
        S::Workload::noun()
    }

    fn seed(&self) -> u64 {
        self.plan.seed
    }

    fn faults(&self) -> usize {
        self.plan.faults.len()
    }

    fn items(&self) -> usize {
        self.plan.workload.len()
    }

    fn print(&self) -> String {
        self.plan.print()
    }

    fn write(&self, path: &Path) -> Result<(), CorpusError> {
        write_plan(path, &self.plan)
    }

    fn run(&self, options: &RunOptions) -> Result<RunReport, PlanError> {
        Rehearsal::new(self.scenario, options.clone()).run(&self.plan)
    }

    fn shrink<'s>(
        &'s self,
        violation: &Violation,
        options: &ShrinkOptions,
        progress: &dyn Fn(&ShrinkProgress),
    ) -> Result<Smaller<'s>, ShrinkError> {
        let shrunk = shrink(self.scenario, &self.plan, violation, options, progress)?;
        let case = Box::new(Typed { scenario: self.scenario, plan: shrunk.plan });
        Ok(Smaller { case, report: shrunk.report, runs: shrunk.runs, minimal: shrunk.minimal })
    }

    fn diagnose(&self, options: &RunOptions, source: Source, fingerprint: u64) -> Option<String> {
        let found = diagnose(self.scenario, &self.plan, options, source, Some(fingerprint));
        found.ok().flatten().map(|difference| difference.story)
    }

    fn tell(&self, report: &RunReport, pointers: Pointers<'_>, style: Style) -> String {
        tell(&self.plan, report, pointers, style)
    }
}
