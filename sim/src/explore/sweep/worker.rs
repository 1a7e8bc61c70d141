use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::{
    Progress, SweepError, SweepOptions,
    stopwatch::{Stopwatch, micros},
};
use crate::{
    explore::{Campaign, Seeds, Source},
    plan::{Generator, Plan, PlanError},
    scenario::Scenario,
    world::{RunOptions, RunReport},
};

/// What the workers share: runs are handed out in order, so what has been run is always a beginning of the whole.
#[derive(Default)]
pub(super) struct Shared {
    next: AtomicU64,
    runs: AtomicU64,
    failed: AtomicU64,
    /// A plan could not be honoured: that is the outcome, and the other workers need not go on.
    broken: AtomicBool,
}

impl Shared {
    pub(super) fn progress(&self, total: Option<u64>, watch: &Stopwatch) -> Progress {
        Progress {
            runs: self.runs.load(Ordering::Relaxed),
            total,
            failed: self.failed.load(Ordering::Relaxed),
            elapsed: watch.wall(),
        }
    }
}

pub(super) fn work<S, R>(
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

impl SweepOptions {
    fn is_over(&self, shared: &Shared, watch: &Stopwatch) -> bool {
        let out_of_time = matches!(self.seeds, Seeds::For { duration, .. } if watch.wall() >= duration);
        let enough = self.failures_wanted.is_some_and(|wanted| shared.failed.load(Ordering::Relaxed) >= wanted);
        out_of_time || enough || self.stop.is_set() || shared.broken.load(Ordering::Relaxed)
    }
}
