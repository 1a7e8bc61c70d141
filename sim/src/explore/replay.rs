use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{
    explore::{Campaign, Candidate, Runner, Search, SearchOptions, Source, SweepError, WorkloadOf, search},
    plan::Plan,
    scenario::Scenario,
    world::{RunOptions, RunReport},
};

/// One plan as a search: that one, once. What it learns is the whole report.
struct Replay<W> {
    plan: Mutex<Option<Candidate<W>>>,
    report: Mutex<Option<RunReport>>,
}

impl<W: Send> Search<W> for Replay<W> {
    fn next(&self) -> Option<Candidate<W>> {
        locked(&self.plan).take()
    }

    fn learn(&self, _: &Candidate<W>, report: &RunReport) {
        *locked(&self.report) = Some(report.clone());
    }
}

/// Runs one plan, judged as a sweep judges it. Returns its report, and the campaign of this run alone.
///
/// # Errors
/// [`SweepError`] if the plan can't be honoured, or the scenario judges nothing.
pub fn replay<R: Runner>(
    runner: &R,
    source: Source,
    plan: &Plan<WorkloadOf<R>>,
    options: &RunOptions,
) -> Result<(Campaign, RunReport), SweepError> {
    let candidate = Candidate { turn: 0, index: 0, source, plan: plan.clone() };
    let one = Replay { plan: Mutex::new(Some(candidate)), report: Mutex::default() };
    let blank = Campaign::new(runner.scenario().name(), Vec::new(), None, []);
    let options = SearchOptions { jobs: 1, run_twice: 0, run: options.clone(), ..SearchOptions::default() };
    let campaign = search(runner, &one, blank, &options, None, &|_| {})?;
    let report = locked(&one.report).take().expect("a search that ends without an error has learnt of each run");
    Ok((campaign, report))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
