use super::Seeds;
use crate::{
    explore::{SearchOptions, Shard, SweepError, Until},
    plan::{FaultKind, Profile},
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
    /// Options of the runs. Breadcrumbs are for the profiles in their order.
    pub search: SearchOptions,
}

impl SweepOptions {
    /// Sweeps over `seeds` by the default profile on all cores, keeping the first 16 failures.
    pub fn new(seeds: Seeds, until: Until) -> Self {
        Self {
            seeds,
            profiles: vec![Profile::default()],
            shard: Shard::WHOLE,
            without_faults: Vec::new(),
            search: SearchOptions::default().until(until),
        }
    }

    /// Checks that there is something to do and says how much, where that is known.
    pub(super) fn check(&self) -> Result<Option<u64>, SweepError> {
        if self.profiles.is_empty() {
            return Err(SweepError::NoProfiles);
        }
        let runs = self.seeds.runs(self.profiles.len(), &self.search.until).map(|runs| self.shard.share(runs));
        if runs == Some(0) || self.search.until.time.is_some_and(|time| time.is_zero()) {
            return Err(SweepError::NoSeeds);
        }
        Ok(if self.search.until.time.is_some() { None } else { runs })
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

    /// Sets the options of the runs, when it ends among them.
    #[must_use]
    pub fn search(mut self, search: SearchOptions) -> Self {
        self.search = search;
        self
    }
}
