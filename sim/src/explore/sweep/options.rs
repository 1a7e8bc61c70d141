use seaworthy_core::stop::Stop;

use super::Seeds;
use crate::{
    explore::{Breadcrumbs, SearchOptions, Shard, SweepError, Until},
    plan::{FaultKind, Profile},
    world::RunOptions,
};

/// Options of a sweep.
#[derive(Clone)]
#[non_exhaustive]
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

    /// Sets the seeds that are run.
    #[must_use]
    pub fn seeds(mut self, seeds: Seeds) -> Self {
        self.seeds = seeds;
        self
    }

    /// Sets the profiles of faults; runs take turns among them.
    #[must_use]
    pub fn profiles(mut self, profiles: Vec<Profile>) -> Self {
        self.profiles = profiles;
        self
    }

    /// Sets the part of the seeds that is run.
    #[must_use]
    pub fn shard(mut self, shard: Shard) -> Self {
        self.shard = shard;
        self
    }

    /// Sets the kinds of fault that are taken out of every plan, because the scenario is not meant to meet them.
    #[must_use]
    pub fn without_faults(mut self, without_faults: Vec<FaultKind>) -> Self {
        self.without_faults = without_faults;
        self
    }

    /// Sets the conditions that end it.
    #[must_use]
    pub fn until(mut self, until: Until) -> Self {
        self.until = until;
        self
    }

    /// Sets the number of runs at a time, see [`SearchOptions::jobs`].
    #[must_use]
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs;
        self
    }

    /// Sets the number of failures that are kept, see [`SearchOptions::failures_kept`].
    #[must_use]
    pub fn failures_kept(mut self, failures_kept: usize) -> Self {
        self.failures_kept = failures_kept;
        self
    }

    /// Sets the share of the runs that are made twice, see [`SearchOptions::run_twice`].
    #[must_use]
    pub fn run_twice(mut self, run_twice: u64) -> Self {
        self.run_twice = run_twice;
        self
    }

    /// Sets the notes of the runs that are under way, see [`SearchOptions::breadcrumbs`].
    #[must_use]
    pub fn breadcrumbs(mut self, breadcrumbs: Option<Breadcrumbs>) -> Self {
        self.breadcrumbs = breadcrumbs;
        self
    }

    /// Sets the options of each run, see [`SearchOptions::run`].
    #[must_use]
    pub fn run(mut self, run: RunOptions) -> Self {
        self.run = run;
        self
    }

    /// Sets the stop of the sweep from outside, see [`SearchOptions::stop`].
    #[must_use]
    pub fn stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }
}
