use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use super::{
    Progress, SweepError, SweepOptions,
    stopwatch::{Stopwatch, micros},
};
use crate::{
    explore::{
        Breadcrumbs, Campaign, Seeds, Source,
        campaign::Judgements,
        twice::{FIRST, again, cold, coldest, is_chosen, traced},
    },
    generate::Generator,
    invariants::Mode,
    plan::{Plan, PlanError},
    scenario::Scenario,
    world::{RunOptions, RunReport, note_profile},
};

/// What the workers share: runs are handed out in order, so what has been run is always a beginning of the whole.
#[derive(Default)]
pub(super) struct Shared {
    /// The first plan's run before anything else, where plans are run twice.
    cold: Mutex<Option<RunReport>>,
    next: AtomicU64,
    runs: AtomicU64,
    failed: AtomicU64,
    /// A plan could not be honoured, or two runs of one differ: that is the outcome, and the other workers need not go on.
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
    R: Fn(&S, &Plan<S::Workload>, &RunOptions) -> Result<RunReport, PlanError> + Sync,
{
    let generator = Generator::new(scenario);
    // The very first run is compared once more when all the others are over: what wears off shows then.
    let mut very_first = None;
    let mut judgements = Judgements::default();
    let mut crumb = options.breadcrumbs.as_ref().and_then(Breadcrumbs::crumb);
    while !options.is_over(shared, watch) {
        let turn = shared.next.fetch_add(1, Ordering::Relaxed);
        let index = options.shard.index(turn);
        let Some((seed, profile)) = options.seeds.case(index, options.profiles.len()) else { break };
        if let Some(crumb) = &mut crumb {
            crumb.mark(seed, profile);
        }
        let profile = options.profiles[profile];
        let plan = generator.plan(seed, profile).without_faults(&options.without_faults);
        let source = || Source::Seed { seed, profile };
        note_profile(Some(profile));
        let broken = |error| {
            shared.broken.store(true, Ordering::Relaxed);
            SweepError::Plan { from: source(), error }
        };
        let twice = options.run_twice > 0 && (turn < FIRST || is_chosen(index, options.run_twice));
        let report = match twice {
            true => run(scenario, &plan, &traced(&options.run)),
            false => run(scenario, &plan, &options.run),
        };
        let report = report.map_err(broken)?;
        if report.judged.iter().all(|judged| judged.mode == Mode::Sometimes) {
            shared.broken.store(true, Ordering::Relaxed);
            return Err(SweepError::NoInvariants);
        }
        part.record_run(index, source, &plan, &report, options.failures_kept);
        judgements.record(&report, &mut part);
        shared.runs.fetch_add(1, Ordering::Relaxed);
        if !report.held() {
            shared.failed.fetch_add(1, Ordering::Relaxed);
            if part.timing.first_failure_wall_us.is_none() {
                part.timing.first_failure_wall_us = Some(micros(watch.wall()));
                part.timing.first_failure_cpu_us = watch.cpu().map(micros);
            }
        }
        if twice {
            part.twice.plans += 1;
            let report = match turn {
                0 => coldest(shared.cold.lock().unwrap_or_else(PoisonError::into_inner).take(), &report),
                _ => report,
            };
            if let Some(difference) = again(run, scenario, &plan, &options.run, &report, source).map_err(broken)? {
                part.twice.difference = Some(Box::new(difference));
                shared.broken.store(true, Ordering::Relaxed);
                judgements.add_to(&mut part);
                return Ok(part);
            }
            if turn == 0 {
                very_first = Some((plan, report, source()));
            }
        }
    }
    judgements.add_to(&mut part);
    if let Some((plan, report, source)) = very_first
        && !options.is_cut_short(shared)
    {
        let found = again(run, scenario, &plan, &options.run, &report, || source.clone());
        let found = found.map_err(|error| SweepError::Plan { from: source.clone(), error })?;
        part.twice.difference = found.map(Box::new);
    }
    Ok(part)
}

impl Shared {
    /// Makes the first plan's cold run.
    pub(super) fn chill<S, R>(&self, run: &R, scenario: &S, options: &SweepOptions)
    where
        S: Scenario,
        R: Fn(&S, &Plan<S::Workload>, &RunOptions) -> Result<RunReport, PlanError>,
    {
        let case = options.seeds.case(options.shard.index(0), options.profiles.len());
        let Some((seed, profile)) = case.filter(|_| options.run_twice > 0) else { return };
        let mut crumb = options.breadcrumbs.as_ref().and_then(Breadcrumbs::crumb);
        if let Some(crumb) = &mut crumb {
            crumb.mark(seed, profile);
        }
        let plan = Generator::new(scenario).plan(seed, options.profiles[profile]);
        let first = cold(run, scenario, &plan.without_faults(&options.without_faults), &options.run);
        *self.cold.lock().unwrap_or_else(PoisonError::into_inner) = first;
    }
}

impl SweepOptions {
    fn is_over(&self, shared: &Shared, watch: &Stopwatch) -> bool {
        // A sweep makes one run at least, however short its time: none would prove nothing and look like all the others.
        let out_of_time = matches!(self.seeds, Seeds::For { duration, .. }
            if watch.wall() >= duration && shared.next.load(Ordering::Relaxed) > 0);
        out_of_time || self.is_cut_short(shared)
    }

    fn is_cut_short(&self, shared: &Shared) -> bool {
        let enough = self.failures_wanted.is_some_and(|wanted| shared.failed.load(Ordering::Relaxed) >= wanted);
        enough || self.stop.is_set() || shared.broken.load(Ordering::Relaxed)
    }
}
