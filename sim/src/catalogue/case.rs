use std::path::Path;

use smol_str::SmolStr;

use crate::{
    explore::{
        CorpusError, Difference, IdlePlan, Rehearsal, ShrinkError, ShrinkOptions, ShrinkProgress, Source, diagnose,
        shrink, write_plan_file,
    },
    invariants::Violation,
    plan::Workload,
    plan::{Integrity, Plan, PlanError, PlanFile},
    scenario::Scenario,
    story::{Pointers, Story, tell},
    trace::TraceFile,
    world::{RunOptions, RunReport},
};

/// Case of a search: one plan of one scenario, whatever its workload. [`Entry::draw`](super::Entry::draw) and
/// [`Entry::read`](super::Entry::read) make it, and [`case()`] where the types are known.
pub trait Case {
    /// The scenario's name.
    fn scenario(&self) -> &str;

    /// Returns the noun for the items of the workload: `orders`.
    fn noun(&self) -> &'static str;

    /// The plan's seed.
    fn seed(&self) -> u64;

    /// Returns the number of planned faults.
    fn faults(&self) -> usize;

    /// Returns the number of items of the workload.
    fn items(&self) -> usize;

    /// The plan as it is committed: see [`Plan::print`].
    fn print(&self) -> String;

    /// The store that its file names; `None` for the simulated one.
    fn store(&self) -> Option<&str>;

    /// Returns its integrity, where it was read from a file.
    fn integrity(&self) -> Integrity;

    /// Writes the plan to a file, found on this store: see [`write_plan_file`].
    ///
    /// # Errors
    /// [`CorpusError::File`] if the file or its folder can't be written.
    fn write(&self, path: &Path, store: Option<&str>) -> Result<(), CorpusError>;

    /// The faults that did not strike in a run of this plan, which lies in `path`: see [`IdlePlan`].
    fn idle(&self, path: &Path, report: &RunReport) -> Option<IdlePlan>;

    /// Looks whether the plan does the same each time, and as the run that failed: see [`diagnose`].
    ///
    /// # Errors
    /// [`PlanError`] where the scenario can't honour it.
    fn diagnose(
        &self,
        options: &RunOptions,
        source: Source,
        failed: Option<u64>,
    ) -> Result<Option<Difference>, PlanError>;

    /// Executes the plan once, judged as a sweep judges it: see [`Rehearsal`].
    ///
    /// # Errors
    /// [`PlanError`] where the scenario can't honour it.
    fn run(&self, options: &RunOptions) -> Result<RunReport, PlanError>;

    /// The trace of a run of this plan with these options as a file; `None` where the run kept none.
    fn trace(&self, report: &RunReport, options: &RunOptions) -> Option<TraceFile>;

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

    /// Tells what went wrong in a run of this plan: see [`tell`].
    fn tell(&self, report: &RunReport, pointers: Pointers) -> Story;
}

/// Result of shrinking: as [`Shrunk`](crate::explore::Shrunk), whatever the workload.
pub struct Smaller<'s> {
    /// The smaller plan.
    pub case: Box<dyn Case + 's>,
    /// Report of its run, with the whole trace; the violation that was shrunk towards stands first.
    pub report: RunReport,
    /// Number of runs that were made.
    pub runs: u64,
    /// `true` if nothing more can be left out.
    pub minimal: bool,
}

/// The case of a scenario and a plan.
pub fn case<S: Scenario>(scenario: &S, plan: Plan<S::Workload>) -> impl Case + '_ {
    of_file(scenario, PlanFile::new(plan))
}

/// The case of a scenario and a plan file.
pub(super) fn of_file<S: Scenario>(scenario: &S, file: PlanFile<S::Workload>) -> impl Case + '_ {
    let PlanFile { plan, store, integrity } = file;
    Typed { scenario, plan, store, integrity }
}

struct Typed<'a, S: Scenario> {
    scenario: &'a S,
    plan: Plan<S::Workload>,
    store: Option<SmolStr>,
    integrity: Integrity,
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

    fn store(&self) -> Option<&str> {
        self.store.as_deref()
    }

    fn integrity(&self) -> Integrity {
        self.integrity
    }

    fn write(&self, path: &Path, store: Option<&str>) -> Result<(), CorpusError> {
        write_plan_file(path, &PlanFile { store: store.map(SmolStr::from), ..PlanFile::new(self.plan.clone()) })
    }

    fn idle(&self, path: &Path, report: &RunReport) -> Option<IdlePlan> {
        IdlePlan::from_report(path.to_owned(), &self.plan, report)
    }

    fn diagnose(
        &self,
        options: &RunOptions,
        source: Source,
        failed: Option<u64>,
    ) -> Result<Option<Difference>, PlanError> {
        diagnose(self.scenario, &self.plan, options, source, failed)
    }

    fn run(&self, options: &RunOptions) -> Result<RunReport, PlanError> {
        Rehearsal::new(self.scenario, options.clone()).run(&self.plan)
    }

    fn trace(&self, report: &RunReport, options: &RunOptions) -> Option<TraceFile> {
        let events = report.trace.clone()?;
        let (name, epoch) = (self.scenario.name(), self.scenario.epoch());
        let file = TraceFile::new(name, self.plan.seed, epoch, &report.processes, events, report.ending);
        let plan = PlanFile { store: options.store_name.clone(), ..PlanFile::new(self.plan.clone()) };
        Some(file.with_plan(&plan).without(&options.without))
    }

    fn shrink<'s>(
        &'s self,
        violation: &Violation,
        options: &ShrinkOptions,
        progress: &dyn Fn(&ShrinkProgress),
    ) -> Result<Smaller<'s>, ShrinkError> {
        let shrunk = shrink(self.scenario, &self.plan, violation, options, progress)?;
        let case = Box::new(of_file(self.scenario, PlanFile::new(shrunk.plan)));
        Ok(Smaller { case, report: shrunk.report, runs: shrunk.runs, minimal: shrunk.minimal })
    }

    fn tell(&self, report: &RunReport, pointers: Pointers) -> Story {
        tell(&self.plan, report, pointers)
    }
}
