use std::{
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use seaworthy_core::stop::Stop;

use super::{Campaign, Seeds, Shard, Source, cpu::cpu_time};
use crate::{
    plan::{Generator, Plan, PlanError, Profile},
    scenario::Scenario,
    world::{self, RunOptions, RunReport},
};

/// What a sweep runs, and how.
#[derive(Clone)]
pub struct SweepOptions {
    /// Which seeds.
    pub seeds: Seeds,
    /// Which profiles; runs take turns among them.
    pub profiles: Vec<Profile>,
    /// How many runs at a time. The outcome does not depend on it.
    pub jobs: usize,
    /// Which part of the seeds.
    pub shard: Shard,
    /// How many failures are kept; all are counted.
    pub failures_kept: usize,
    /// Ends the sweep once so many runs have failed; `None` runs all seeds whatever happens.
    pub failures_wanted: Option<u64>,
    /// How each plan is executed.
    pub run: RunOptions,
    /// Set from elsewhere (a signal handler) to end the sweep after the runs that are under way.
    pub stop: Stop,
}

impl SweepOptions {
    /// Sweeps over `seeds` by the default profile on all cores, keeping the first 16 failures: more are rarely read.
    pub fn new(seeds: Seeds) -> Self {
        Self {
            seeds,
            profiles: vec![Profile::default()],
            jobs: thread::available_parallelism().map_or(1, usize::from),
            shard: Shard::WHOLE,
            failures_kept: 16,
            failures_wanted: None,
            run: RunOptions::default(),
            stop: Stop::new(),
        }
    }
}

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
/// `options.stop` is set; what was found until then is returned, marked as interrupted.
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
    let blank = Campaign::new(scenario.name(), options.profiles.clone(), options.seeds.base(), enabled);
    let shared = Shared::default();
    let watch = Stopwatch::start();
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
    campaign.interrupted = total.is_some_and(|total| campaign.runs < total);
    campaign.timing.wall_us = micros(watch.wall());
    campaign.timing.cpu_us = watch.cpu().map_or(0, micros);
    progress(&shared.progress(total, &watch));
    Ok(campaign)
}

impl SweepOptions {
    /// Checks that there is something to do and says how much, where that is known.
    fn check(&self) -> Result<Option<u64>, SweepError> {
        if self.profiles.is_empty() {
            return Err(SweepError::NoProfiles);
        }
        if self.jobs == 0 {
            return Err(SweepError::NoJobs);
        }
        let total = self.seeds.runs(self.profiles.len()).map(|runs| self.shard.share(runs));
        let nothing = match self.seeds {
            Seeds::For { duration, .. } => duration.is_zero(),
            _ => total == Some(0),
        };
        if nothing { Err(SweepError::NoSeeds) } else { Ok(total) }
    }

    fn is_over(&self, shared: &Shared, watch: &Stopwatch) -> bool {
        let out_of_time = matches!(self.seeds, Seeds::For { duration, .. } if watch.wall() >= duration);
        let enough = self.failures_wanted.is_some_and(|wanted| shared.failed.load(Ordering::Relaxed) >= wanted);
        out_of_time || enough || self.stop.is_set() || shared.broken.load(Ordering::Relaxed)
    }
}

/// What the workers share: runs are handed out in order, so what has been run is always a beginning of the whole.
#[derive(Default)]
struct Shared {
    next: AtomicU64,
    runs: AtomicU64,
    failed: AtomicU64,
    /// A plan could not be honoured: that is the outcome, and the other workers need not go on.
    broken: AtomicBool,
}

impl Shared {
    fn progress(&self, total: Option<u64>, watch: &Stopwatch) -> Progress {
        Progress {
            runs: self.runs.load(Ordering::Relaxed),
            total,
            failed: self.failed.load(Ordering::Relaxed),
            elapsed: watch.wall(),
        }
    }
}

fn work<S, R>(
    run: &R,
    scenario: &S,
    options: &SweepOptions,
    mut part: Campaign,
    shared: &Shared,
    watch: &Stopwatch,
) -> Result<Campaign, SweepError>
where
    S: Scenario,
    R: Fn(&S, &Plan<S::Workload>, &RunOptions) -> Result<RunReport, PlanError>,
{
    let generator = Generator::new(scenario);
    while !options.is_over(shared, watch) {
        let index = options.shard.index(shared.next.fetch_add(1, Ordering::Relaxed));
        let Some((seed, profile)) = options.seeds.case(index, options.profiles.len()) else { break };
        let profile = options.profiles[profile];
        let plan = generator.plan(seed, profile);
        let source = || Source::Seed { seed, profile };
        let report = match run(scenario, &plan, &options.run) {
            Ok(report) => report,
            Err(error) => {
                shared.broken.store(true, Ordering::Relaxed);
                return Err(SweepError::Plan { from: source(), error });
            }
        };
        part.record(index, source, &plan, &report, options.failures_kept);
        shared.runs.fetch_add(1, Ordering::Relaxed);
        if !report.held() {
            shared.failed.fetch_add(1, Ordering::Relaxed);
            if part.timing.first_failure_wall_us.is_none() {
                part.timing.first_failure_wall_us = Some(micros(watch.wall()));
                part.timing.first_failure_cpu_us = watch.cpu().map(micros);
            }
        }
    }
    Ok(part)
}

/// Real time: it decides when a sweep for a duration ends and what is reported about speed, never what happens in a run.
struct Stopwatch {
    start: Instant,
    cpu: Option<Duration>,
}

#[allow(clippy::disallowed_methods, reason = "the sweep itself runs in real time; its runs do not")]
impl Stopwatch {
    fn start() -> Self {
        Self { start: Instant::now(), cpu: cpu_time() }
    }

    fn wall(&self) -> Duration {
        Instant::now().saturating_duration_since(self.start)
    }

    fn cpu(&self) -> Option<Duration> {
        Some(cpu_time()?.saturating_sub(self.cpu?))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
