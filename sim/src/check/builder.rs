use std::path::PathBuf;

use super::Check;
use crate::{
    explore::Corpus,
    plan::{FaultKind, Profile},
    scenario::{Scenario, StoreFactory},
    world::Budget,
};

impl<S: Scenario> Check<S> {
    /// Sets the number of seeds, over all profiles; 1,000 if not said.
    pub fn seeds(mut self, count: u64) -> Self {
        self.seeds = count;
        self
    }

    /// Tries every fault that can strike the first item of a drawn workload, instead of seeds: one at a time
    /// for `k = 1`, and each pair, too, for `k = 2`. See [`exhaust`](crate::explore::exhaust()), and
    /// [`items`](Self::items) for a larger workload.
    pub fn exhaust(mut self, k: u8) -> Self {
        self.exhaust = Some(k);
        self
    }

    /// Tries, with [`exhaust(2)`](Self::exhaust), those pairs, too, that others stand for.
    pub fn all_pairs(mut self) -> Self {
        self.all_pairs = true;
        self
    }

    /// Sets the number of items that are exhausted, the first ones of the first seed that draws as many; what the scenario
    /// needs ([`Scenario::least_items`]) if not said.
    pub fn items(mut self, items: usize) -> Self {
        self.items = Some(items);
        self
    }

    /// The profile; [`Profile::Swarm`] if not said.
    pub fn profile(self, profile: Profile) -> Self {
        self.profiles([profile])
    }

    /// Profiles that take turns.
    pub fn profiles(mut self, profiles: impl IntoIterator<Item = Profile>) -> Self {
        self.profiles = profiles.into_iter().collect();
        self
    }

    /// The folder of plans that failed once; `corpus` beside `Cargo.toml` if not said. See [`Corpus`] for where in it a
    /// plan may lie.
    pub fn corpus(mut self, folder: impl Into<PathBuf>) -> Self {
        self.corpus = Corpus::at(folder);
        self
    }

    /// The store to run on; the simulated one if not said.
    pub fn store(mut self, factory: StoreFactory) -> Self {
        self.store = Some(factory);
        self
    }

    /// Sets the budget after which a run counts as livelocked.
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Makes a campaign fail, too, that proves less than it seems to; `true` if not said.
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Sets the base that the seeds derive from; drawn anew each time if not said. A test with a fixed base finds what
    /// it found before and nothing else.
    pub fn base_seed(mut self, base: u64) -> Self {
        self.base_seed = Some(base);
        self
    }

    /// Sets the number of runs at a time; one for each core if not said. The outcome does not depend on it.
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = Some(jobs);
        self
    }

    /// Goes on until so many runs have failed; 1 if not said, so that a scenario which always fails says so at once.
    /// `u64::MAX` runs all seeds whatever happens.
    pub fn keep_going(mut self, failures: u64) -> Self {
        self.keep_going = failures;
        self
    }

    /// Prints what was injected, judged and reached where the check passes, as does `SEAWORTHY_TABLE=1`.
    pub fn table(mut self) -> Self {
        self.table = true;
        self
    }

    /// Leaves out the invariant of this name.
    pub fn without(mut self, invariant: &str) -> Self {
        self.without.push(invariant.into());
        self
    }

    /// Leaves out a kind of fault: no plan is made with it, drawn or exhaustive, and it is not asked for. Plans of the corpus
    /// run as they are.
    pub fn without_fault(mut self, kind: FaultKind) -> Self {
        self.without_faults.push(kind);
        self
    }
}
