use std::thread;

use seaworthy_core::stop::Stop;

use super::SweepError;
use crate::{
    explore::{Breadcrumbs, Seeds, Shard},
    plan::{FaultKind, Profile},
    world::RunOptions,
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
    /// Kinds of fault that are taken out of every plan, because the scenario is not meant to meet them.
    pub without_faults: Vec<FaultKind>,
    /// How many failures are kept; all are counted.
    pub failures_kept: usize,
    /// Ends the sweep once so many runs have failed; `None` runs all seeds whatever happens.
    pub failures_wanted: Option<u64>,
    /// One plan in so many is run twice, on another thread the second time, and the whole traces compared; the first five
    /// are in any case. A difference ends the sweep. 0 leaves it out.
    pub run_twice: u64,
    /// Where the runs that are under way are noted, for the profiles in their order; `None` notes nothing.
    pub breadcrumbs: Option<Breadcrumbs>,
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
            without_faults: Vec::new(),
            failures_kept: 16,
            failures_wanted: None,
            run_twice: 100,
            breadcrumbs: None,
            run: RunOptions::default(),
            stop: Stop::new(),
        }
    }
}

impl SweepOptions {
    /// Checks that there is something to do and says how much, where that is known.
    pub(super) fn check(&self) -> Result<Option<u64>, SweepError> {
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
}
