use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::{
    Candidate, First, Progress, Search, SearchOptions, SweepError,
    stopwatch::{Stopwatch, micros},
};
use crate::{
    explore::{
        Breadcrumbs, Campaign, Runner, WorkloadOf,
        campaign::Judgements,
        twice::{Elsewhere, FIRST, again, again_beside, coldest, is_chosen, traced},
    },
    invariants::Mode,
    world::note_profile,
};

/// State that the workers share.
#[derive(Default)]
pub(super) struct Shared {
    begun: AtomicU64,
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

/// Runs candidates until it is over. Only one of the workers has the `first` one, which was taken before they began.
pub(super) fn work<R: Runner>(
    elsewhere: &Elsewhere<'_, '_, R>,
    search: &impl Search<WorkloadOf<R>>,
    first: Option<First<WorkloadOf<R>>>,
    options: &SearchOptions,
    mut part: Campaign,
    shared: &Shared,
    watch: &Stopwatch,
) -> Result<Campaign, SweepError> {
    let runner = elsewhere.runner();
    let (mut first, mut cold) = first.map_or((None, None), |first| (Some(first.candidate), first.cold));
    // The very first run is compared once more when all the others are over: what wears off shows then.
    let mut very_first = None;
    let mut judgements = Judgements::default();
    let mut crumb = options.breadcrumbs.as_ref().and_then(Breadcrumbs::crumb);
    while let Some(candidate) = options.next(search, &mut first, shared, watch) {
        let Candidate { turn, index, source, plan } = &candidate;
        if let Some(crumb) = &mut crumb {
            crumb.mark(source);
        }
        note_profile(source.profile());
        let broken = |error| {
            shared.broken.store(true, Ordering::Relaxed);
            SweepError::Plan { from: source.clone(), error }
        };
        let twice = options.run_twice > 0 && (*turn < FIRST || is_chosen(*index, options.run_twice));
        let report = match twice {
            true => runner.run(plan, &traced(&options.run)),
            false => runner.run(plan, &options.run),
        };
        let report = report.map_err(broken)?;
        if report.judged.iter().all(|judged| judged.mode == Mode::Sometimes) {
            shared.broken.store(true, Ordering::Relaxed);
            return Err(SweepError::NoInvariants);
        }
        part.record_run(*index, || source.clone(), plan, &report, options.failures_kept);
        judgements.record(&report, &mut part);
        search.learn(&candidate, &report);
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
            let report = if *turn == 0 { coldest(cold.take(), &report) } else { report };
            // The first ones on threads that nothing has warmed.
            let found = match *turn < FIRST {
                true => again(runner, plan, &options.run, &report, source),
                false => again_beside(elsewhere, plan, &options.run, &report, source),
            };
            if let Some(difference) = found.map_err(broken)? {
                part.twice.difference = Some(Box::new(difference));
                shared.broken.store(true, Ordering::Relaxed);
                judgements.add_to(&mut part);
                return Ok(part);
            }
            if *turn == 0 {
                very_first = Some((candidate, report));
            }
        }
    }
    judgements.add_to(&mut part);
    if let Some((Candidate { source, plan, .. }, report)) = very_first
        && !options.is_cut_short(shared)
    {
        let found = again(runner, &plan, &options.run, &report, &source);
        part.twice.difference = found.map_err(|error| SweepError::Plan { from: source, error })?.map(Box::new);
    }
    Ok(part)
}

impl SearchOptions {
    /// The next candidate to run, unless it is over.
    fn next<W>(
        &self,
        search: &impl Search<W>,
        first: &mut Option<Candidate<W>>,
        shared: &Shared,
        watch: &Stopwatch,
    ) -> Option<Candidate<W>> {
        if self.is_ended(shared) {
            return None;
        }
        let candidate = match first.take() {
            // It was handed out before all others: they count only with it.
            Some(first) => first,
            None if self.is_over(shared, watch) => return None,
            None => search.next()?,
        };
        shared.begun.fetch_add(1, Ordering::Relaxed);
        self.until.runs.is_none_or(|runs| candidate.index < runs).then_some(candidate)
    }

    fn is_over(&self, shared: &Shared, watch: &Stopwatch) -> bool {
        let (begun, failed) = (shared.begun.load(Ordering::Relaxed), shared.failed.load(Ordering::Relaxed));
        self.until.is_reached(begun, failed, || watch.wall())
    }

    fn is_cut_short(&self, shared: &Shared) -> bool {
        self.until.has_failed_enough(shared.failed.load(Ordering::Relaxed)) || self.is_ended(shared)
    }

    /// Returns `true` if it is over whatever was found.
    fn is_ended(&self, shared: &Shared) -> bool {
        self.stop.is_set() || shared.broken.load(Ordering::Relaxed)
    }
}
