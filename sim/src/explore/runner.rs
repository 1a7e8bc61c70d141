use crate::{
    plan::{Plan, PlanError},
    scenario::Scenario,
    world::{self, RunOptions, RunReport},
};

/// Runner of the plans of one scenario. A [`Scenario`] is one itself, in the simulated world; [`runner`] makes one of a
/// function, to run plans elsewhere, to look at reports on their way, or to test what explores plans without a world.
///
/// ```
/// # use seaworthy_sim::{explore::{Seeds, SweepOptions, SweepError, Until, runner, sweep}, scenario::Scenario, world};
/// # fn count<S: Scenario>(scenario: &S) -> Result<(), SweepError> {
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// let runs = AtomicU64::new(0);
/// let counted = runner(scenario, |scenario, plan, options| {
///     runs.fetch_add(1, Ordering::Relaxed);
///     world::run(scenario, plan, options)
/// });
/// sweep(&counted, &SweepOptions::new(Seeds::Base(7), Until::runs(100)), &|_| {})?;
/// # Ok(())
/// # }
/// ```
pub trait Runner: Sync {
    /// The scenario whose plans it runs.
    type Scenario: Scenario;

    /// Returns the scenario whose plans it runs.
    fn scenario(&self) -> &Self::Scenario;

    /// Executes one plan.
    ///
    /// # Errors
    /// [`PlanError`] if the plan can't be honoured.
    fn run(&self, plan: &Plan<WorkloadOf<Self>>, options: &RunOptions) -> Result<RunReport, PlanError>;
}

/// The workload of a runner's scenario.
pub type WorkloadOf<R> = <<R as Runner>::Scenario as Scenario>::Workload;

impl<S: Scenario> Runner for S {
    type Scenario = S;

    fn scenario(&self) -> &S {
        self
    }

    fn run(&self, plan: &Plan<S::Workload>, options: &RunOptions) -> Result<RunReport, PlanError> {
        world::run(self, plan, options)
    }
}

/// The runner of a scenario that runs its plans by a function.
pub fn runner<'a, S, F>(scenario: &'a S, run: F) -> impl Runner<Scenario = S> + 'a
where
    S: Scenario,
    F: Fn(&S, &Plan<S::Workload>, &RunOptions) -> Result<RunReport, PlanError> + Sync + 'a,
{
    By { scenario, run }
}

struct By<'a, S, F> {
    scenario: &'a S,
    run: F,
}

impl<S, F> Runner for By<'_, S, F>
where
    S: Scenario,
    F: Fn(&S, &Plan<S::Workload>, &RunOptions) -> Result<RunReport, PlanError> + Sync,
{
    type Scenario = S;

    fn scenario(&self) -> &S {
        self.scenario
    }

    fn run(&self, plan: &Plan<S::Workload>, options: &RunOptions) -> Result<RunReport, PlanError> {
        (self.run)(self.scenario, plan, options)
    }
}
