use std::thread;

use seaworthy_core::stop::Stop;

use crate::{
    explore::{Breadcrumbs, Until},
    world::RunOptions,
};

/// Options of the runs of a search, whichever search it is.
#[derive(Clone)]
#[non_exhaustive]
pub struct SearchOptions {
    /// Number of runs at a time. The outcome does not depend on it.
    pub jobs: usize,
    /// Conditions that end it before the search has no more plans.
    pub until: Until,
    /// Number of failures that are kept; all are counted.
    pub failures_kept: usize,
    /// Share of plans that are run twice, one in so many, on another thread the second time, and the whole traces
    /// compared; the first five are in any case. A difference ends the search. 0 leaves it out.
    pub run_twice: u64,
    /// Notes of the runs that are under way; `None` notes nothing.
    pub breadcrumbs: Option<Breadcrumbs>,
    /// Options of each run.
    pub run: RunOptions,
    /// Set from elsewhere (a signal handler) to end the search after the runs that are under way.
    pub stop: Stop,
}

impl Default for SearchOptions {
    /// Returns the options for all plans on all cores, keeping the first 16 failures: more are rarely read.
    fn default() -> Self {
        Self {
            jobs: thread::available_parallelism().map_or(1, usize::from),
            until: Until::end(),
            failures_kept: 16,
            run_twice: 100,
            breadcrumbs: None,
            run: RunOptions::default(),
            stop: Stop::new(),
        }
    }
}

impl SearchOptions {
    /// Sets the number of runs at a time.
    #[must_use]
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs;
        self
    }

    /// Sets the conditions that end it before the search has no more plans.
    #[must_use]
    pub fn until(mut self, until: Until) -> Self {
        self.until = until;
        self
    }

    /// Sets the number of failures that are kept; all are counted.
    #[must_use]
    pub fn failures_kept(mut self, failures_kept: usize) -> Self {
        self.failures_kept = failures_kept;
        self
    }

    /// Sets the share of plans that are run twice: one in so many; none if 0. One thread makes the second runs of all jobs, so
    /// that a large share is as slow as one job.
    #[must_use]
    pub fn run_twice(mut self, run_twice: u64) -> Self {
        self.run_twice = run_twice;
        self
    }

    /// Sets the notes of the runs that are under way; `None` notes nothing.
    #[must_use]
    pub fn breadcrumbs(mut self, breadcrumbs: Option<Breadcrumbs>) -> Self {
        self.breadcrumbs = breadcrumbs;
        self
    }

    /// Sets the options of each run.
    #[must_use]
    pub fn run(mut self, run: RunOptions) -> Self {
        self.run = run;
        self
    }

    /// Sets the stop that ends the search after the runs that are under way.
    #[must_use]
    pub fn stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }
}
