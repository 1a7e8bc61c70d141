use std::thread;

use seaworthy_core::stop::Stop;

use crate::{
    explore::{Breadcrumbs, Until},
    world::RunOptions,
};

/// Options of the runs of a search, whichever search it is.
#[derive(Clone)]
pub struct SearchOptions {
    /// Number of runs at a time. The outcome does not depend on it.
    pub jobs: usize,
    /// Conditions that end it before the search has no more plans.
    pub until: Until,
    /// Number of failures that are kept; all are counted.
    pub failures_kept: usize,
    /// One plan in so many is run twice, on another thread the second time, and the whole traces compared; the first five
    /// are in any case. A difference ends the search. 0 leaves it out.
    pub run_twice: u64,
    /// Notes of the runs that are under way; `None` notes nothing.
    pub breadcrumbs: Option<Breadcrumbs>,
    /// Options of each run.
    pub run: RunOptions,
    /// Set from elsewhere (a signal handler) to end the search after the runs that are under way.
    pub stop: Stop,
}

impl Default for SearchOptions {
    /// All plans on all cores, keeping the first 16 failures: more are rarely read.
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
