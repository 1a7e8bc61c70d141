use seaworthy_core::stop::Stop;

use super::Seeds;
use crate::{
    explore::{Breadcrumbs, SearchOptions, Shard, SweepError, Until},
    plan::{FaultKind, Profile},
    world::RunOptions,
};

/// Options of a sweep.
#[derive(Clone)]
pub struct SweepOptions {
    /// Seeds that are run.
    pub seeds: Seeds,
    /// Profiles of faults; runs take turns among them.
    pub profiles: Vec<Profile>,
    /// Part of the seeds that is run.
    pub shard: Shard,
    /// Kinds of fault that are taken out of every plan, because the scenario is not meant to meet them.
    pub without_faults: Vec<FaultKind>,
    /// Conditions that end it.
    pub until: Until,
    /// Number of runs at a time, see [`SearchOptions::jobs`].
    pub jobs: usize,
    /// Number of failures that are kept, see [`SearchOptions::failures_kept`].
    pub failures_kept: usize,
    /// Share of the runs that are made twice, see [`SearchOptions::run_twice`].
    pub run_twice: u64,
    /// See [`SearchOptions::breadcrumbs`]; they are for the profiles in their order.
    pub breadcrumbs: Option<Breadcrumbs>,
    /// Options of each run, see [`SearchOptions::run`].
    pub run: RunOptions,
    /// Stop of the sweep from outside, see [`SearchOptions::stop`].
    pub stop: Stop,
}

impl SweepOptions {
    /// Sweeps over `seeds` by the default profile on all cores, keeping the first 16 failures.
    pub fn new(seeds: Seeds, until: Until) -> Self {
        let SearchOptions { jobs, failures_kept, run_twice, breadcrumbs, run, stop, .. } = SearchOptions::default();
        Self {
            seeds,
            profiles: vec![Profile::default()],
            shard: Shard::WHOLE,
            without_faults: Vec::new(),
            until,
            jobs,
            failures_kept,
            run_twice,
            breadcrumbs,
            run,
            stop,
        }
    }

    /// Returns the options of the runs.
    pub(crate) fn search(&self) -> SearchOptions {
        SearchOptions {
            jobs: self.jobs,
            until: self.until,
            failures_kept: self.failures_kept,
            run_twice: self.run_twice,
            breadcrumbs: self.breadcrumbs.clone(),
            run: self.run.clone(),
            stop: self.stop.clone(),
        }
    }

    /// Checks that there is something to do and says how much, where that is known.
    pub(super) fn check(&self) -> Result<Option<u64>, SweepError> {
        if self.profiles.is_empty() {
            return Err(SweepError::NoProfiles);
        }
        let runs = self.seeds.runs(self.profiles.len(), &self.until).map(|runs| self.shard.share(runs));
        if runs == Some(0) || self.until.time.is_some_and(|time| time.is_zero()) {
            return Err(SweepError::NoSeeds);
        }
        Ok(if self.until.time.is_some() { None } else { runs })
    }
}
