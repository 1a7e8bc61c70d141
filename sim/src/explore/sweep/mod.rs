mod options;
mod stopwatch;
mod worker;

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use self::{
    stopwatch::{Stopwatch, micros},
    worker::{Shared, work},
};
use super::{Campaign, Rehearsal, Source};
use crate::{
    plan::{Plan, PlanError},
    scenario::Scenario,
    world::{self, RunOptions, RunReport},
};

pub use options::SweepOptions;

/// How far a sweep is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Runs made.
    pub runs: u64,
    /// Runs that there will be, where that is known.
    pub total: Option<u64>,
    /// Runs that failed.
    pub failed: u64,
    /// Time on the wall since the start.
    pub elapsed: Duration,
}

/// Why a sweep could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// There is nothing to run.
    #[error("a sweep over zero seeds proves nothing: ask for at least one")]
    NoSeeds,
    /// There is nothing to draw from.
    #[error("a sweep needs at least one profile")]
    NoProfiles,
    /// Nobody would do the work.
    #[error("a sweep needs at least one job")]
    NoJobs,
    /// There is nothing to judge by.
    #[error(
        "the scenario judges nothing: its `invariants` are none, or goals only; begin with those of `seaworthy_sim::invariants`"
    )]
    NoInvariants,
    /// A drawn plan can't be honoured by the scenario.
    #[error("{from}: {error}")]
    Plan {
        /// Which plan.
        from: Source,
        /// Why.
        error: PlanError,
    },
}

/// Runs many seeds on all cores and says what was found.
///
/// `progress` is called on this thread, about ten times a second and once at the end. The sweep ends early when
/// `options.stop` is set; what was found until then is returned, marked as interrupted. It ends, too, where two runs of
/// one plan differ: then [`Campaign::twice`] says how, and no number of seeds means anything.
///
/// # Errors
/// [`SweepError`] where there is nothing to run, or a plan can't be honoured.
pub fn sweep<S: Scenario>(
    scenario: &S,
    options: &SweepOptions,
    progress: &dyn Fn(&Progress),
) -> Result<Campaign, SweepError> {
    sweep_by(world::run::<S>, scenario, options, progress)
}

/// As [`sweep`], with the function that runs a plan.
///
/// # Errors
/// As for [`sweep`].
pub fn sweep_by<S, R>(
    run: R,
    scenario: &S,
    options: &SweepOptions,
    progress: &dyn Fn(&Progress),
) -> Result<Campaign, SweepError>
where
    S: Scenario,
    R: Fn(&S, &Plan<S::Workload>, &RunOptions) -> Result<RunReport, PlanError> + Sync,
{
    let total = options.check()?;
    let topology = scenario.topology();
    let mut enabled: Vec<_> = options.profiles.iter().flat_map(|profile| profile.fault_kinds(&topology)).collect();
    enabled.sort_unstable();
    enabled.dedup();
    enabled.retain(|kind| !options.without_faults.contains(kind));
    let mut blank = Campaign::new(scenario.name(), options.profiles.clone(), options.seeds.base(), enabled);
    blank.without_faults.clone_from(&options.without_faults);
    let shared = Shared::default();
    let watch = Stopwatch::start();
    shared.chill(&run, scenario, options);
    let run = Rehearsal::by(run, scenario, options.run.clone()).runner();
    let (done, all_done) = mpsc::channel::<()>();

    let parts = thread::scope(|scope| {
        let workers: Vec<_> = (0..options.jobs)
            .map(|_| {
                let (done, blank, shared, run, watch) = (done.clone(), blank.clone(), &shared, &run, &watch);
                scope.spawn(move || {
                    let part = work(run, scenario, options, blank, shared, watch);
                    drop(done);
                    part
                })
            })
            .collect();
        drop(done);
        // The channel closes with its last worker.
        while all_done.recv_timeout(Duration::from_millis(100)) == Err(RecvTimeoutError::Timeout) {
            progress(&shared.progress(total, &watch));
        }
        workers.into_iter().map(|worker| worker.join()).collect::<Vec<_>>()
    });

    let mut campaign = blank;
    for part in parts {
        match part {
            Ok(part) => campaign.absorb(part?, options.failures_kept),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
    campaign.interrupted = total.map_or(options.stop.is_set(), |total| campaign.runs < total);
    campaign.timing.wall_us = micros(watch.wall());
    campaign.timing.cpu_us = watch.cpu().map_or(0, micros);
    progress(&shared.progress(total, &watch));
    Ok(campaign)
}
