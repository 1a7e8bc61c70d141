mod options;
mod stopwatch;
mod worker;

use std::{
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use self::{
    stopwatch::{Stopwatch, micros},
    worker::{Shared, work},
};
use smol_str::SmolStr;

use super::{
    Campaign, Rehearsal, Runner, Shard, Source, WorkloadOf,
    twice::{Elsewhere, cold},
};
use crate::{
    invariants::protocol,
    plan::{Plan, PlanError},
    scenario::{Scenario, Topology},
    world::{RunReport, note_profile},
};

pub use options::SearchOptions;

/// Search for failures: it says which plan is to be run next, and may learn from what became of those before.
///
/// Workers ask side by side, so it keeps its own order: candidates are handed out by increasing [`Candidate::index`], and
/// what was handed out is at any time a beginning of the whole.
pub trait Search<W>: Sync {
    /// The next candidate; `None` where there is none left.
    fn next(&self) -> Option<Candidate<W>>;

    /// Takes notice of what a candidate's run showed. Runs end in any order.
    fn learn(&self, candidate: &Candidate<W>, report: &RunReport) {
        let _ = (candidate, report);
    }
}

/// A plan that a search wants to see run.
#[derive(Clone, Debug)]
pub struct Candidate<W> {
    /// Number of candidates that this search handed out before it.
    pub turn: u64,
    /// Position in the whole, of which a shard's search hands out a part.
    pub index: u64,
    /// Source of the plan.
    pub source: Source,
    /// Plan to be run.
    pub plan: Plan<W>,
}

/// Progress of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Number of runs that were made.
    pub runs: u64,
    /// Runs that there will be, where that is known.
    pub total: Option<u64>,
    /// Runs that failed.
    pub failed: u64,
    /// Time on the wall since the start.
    pub elapsed: Duration,
}

/// Error of a sweep that could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
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
    /// An exhaustive search can't have the options that it was given.
    #[error(
        "an exhaustive search tries one fault or two, counts plans from 1 and takes a job at least: k = {k}, from = {from}, jobs = {jobs}"
    )]
    NotExhaustible {
        /// Number of faults that was asked for.
        k: u8,
        /// The first plan.
        from: u64,
        /// Number of jobs that was asked for.
        jobs: usize,
    },
    /// The workload that is to be exhausted is not there.
    #[error(
        "seed {seed:#x} draws a workload of {drawn} items, and {wanted} of it are to be exhausted: name another seed, or another number from 1"
    )]
    TooFewItems {
        /// Seed of the workload.
        seed: u64,
        /// Number of items that it draws.
        drawn: usize,
        /// Number of items that was asked for.
        wanted: usize,
    },
    /// This part of an exhaustive search is empty.
    #[error("nothing to run: there are {all} plans, and none of part {shard} from plan {from} on")]
    NoPlans {
        /// Number of plans in the whole.
        all: u64,
        /// The first to run.
        from: u64,
        /// Part that was asked for.
        shard: Shard,
    },
    /// There is nothing to judge by.
    #[error(
        "the scenario judges nothing: its topology leaves out the protocol, and its `invariants` are none, or goals only"
    )]
    NoInvariants,
    /// The topology leaves out an invariant that the protocol does not have.
    #[error("the topology leaves out {name:?}, which is none of the protocol's invariants; these are {known}")]
    UnknownInvariant {
        /// Name of the invariant.
        name: SmolStr,
        /// The names that there are.
        known: String,
    },
    /// A drawn plan can't be honoured by the scenario.
    #[error("{from}: {error}")]
    Plan {
        /// Source of the plan.
        from: Source,
        /// Error of the plan.
        error: PlanError,
    },
}

/// Runs the plans of a search on all cores and adds what is found to `blank`, a campaign of no runs that says what was
/// searched. `total` is how many plans there will be, where that is known: fewer count as interrupted.
///
/// `progress` is called on this thread, about ten times a second and once at the end. The search ends early when
/// `options.stop` is set; what was found until then is returned, marked as interrupted. It ends, too, where two runs of
/// one plan differ: then [`Campaign::twice`] says how, and no number of plans means anything.
///
/// # Errors
/// [`SweepError`] where nobody would do the work, or a plan can't be honoured.
pub fn search<R: Runner>(
    runner: &R,
    search: &impl Search<WorkloadOf<R>>,
    blank: Campaign,
    options: &SearchOptions,
    total: Option<u64>,
    progress: &dyn Fn(&Progress),
) -> Result<Campaign, SweepError> {
    if options.jobs == 0 {
        return Err(SweepError::NoJobs);
    }
    knows_what_is_left_out(&runner.scenario().topology())?;
    let shared = Shared::default();
    let watch = Stopwatch::start();
    let mut first = options.first(runner, search);
    let runner = &Rehearsal::new(runner, options.run.clone());
    let (done, all_done) = mpsc::channel::<()>();

    let parts = thread::scope(|scope| {
        let elsewhere = Arc::new(Elsewhere::new(scope, runner));
        let workers: Vec<_> = (0..options.jobs)
            .map(|_| {
                let (done, blank, shared, watch, first) = (done.clone(), blank.clone(), &shared, &watch, first.take());
                let elsewhere = elsewhere.clone();
                scope.spawn(move || {
                    let part = work(&elsewhere, search, first, options, blank, shared, watch);
                    drop(done);
                    part
                })
            })
            .collect();
        drop((done, elsewhere));
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

/// A name that nothing has would leave out nothing, and nobody would see it.
fn knows_what_is_left_out(topology: &Topology) -> Result<(), SweepError> {
    let protocol = protocol(topology);
    let known: Vec<&str> = protocol.iter().map(|invariant| invariant.name()).collect();
    match topology.left_out.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(SweepError::UnknownInvariant { name: name.clone(), known: known.join(", ") }),
        None => Ok(()),
    }
}

/// The first candidate, with its run before anything else where plans are run twice.
struct First<W> {
    candidate: Candidate<W>,
    cold: Option<RunReport>,
}

impl SearchOptions {
    /// Takes the first candidate and makes its cold run.
    fn first<R: Runner>(&self, runner: &R, search: &impl Search<WorkloadOf<R>>) -> Option<First<WorkloadOf<R>>> {
        let candidate = if self.run_twice > 0 { search.next()? } else { return None };
        let mut crumb = self.breadcrumbs.as_ref().and_then(|breadcrumbs| breadcrumbs.crumb());
        if let Some(crumb) = &mut crumb {
            crumb.mark(&candidate.source);
        }
        note_profile(candidate.source.profile());
        let cold = cold(runner, &candidate.plan, &self.run);
        Some(First { candidate, cold })
    }
}
