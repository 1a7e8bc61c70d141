use std::sync::atomic::{AtomicU64, Ordering};

use crate::{
    explore::{Candidate, Search, Shard, Source, Until},
    generate::Generator,
    plan::{FaultKind, Profile, derive_seed},
    scenario::Scenario,
};

/// Seeds of a sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Seeds {
    /// Seeds that derive from a base seed, without end: each can be replayed alone. Profiles take turns.
    Base(u64),
    /// Exactly these, each under every profile.
    Explicit(Vec<u64>),
}

impl Seeds {
    /// The base seed, where there is one.
    pub fn base(&self) -> Option<u64> {
        match self {
            Self::Base(base) => Some(*base),
            Self::Explicit(_) => None,
        }
    }

    /// Returns the number of runs under `profiles` profiles until a sweep ends, where that is known beforehand.
    pub(super) fn runs(&self, profiles: usize, until: &Until) -> Option<u64> {
        match self {
            Self::Base(_) => until.runs,
            Self::Explicit(seeds) => {
                let all = seeds.len() as u64 * profiles as u64;
                Some(until.runs.map_or(all, |runs| runs.min(all)))
            }
        }
    }

    /// Seed and position of the profile of run `index`, `None` beyond the last.
    fn case(&self, index: u64, profiles: usize) -> Option<(u64, usize)> {
        let profiles = profiles as u64;
        let profile = (index % profiles) as usize;
        match self {
            Self::Base(base) => Some((derive_seed(*base, index), profile)),
            Self::Explicit(seeds) => {
                let seed = seeds.get(usize::try_from(index / profiles).unwrap_or(usize::MAX))?;
                Some((*seed, profile))
            }
        }
    }
}

/// Seeds as a search: one after the other, each drawn under a profile. It learns nothing.
pub(super) struct SeedSearch<'a, S> {
    generator: Generator<'a, S>,
    seeds: &'a Seeds,
    profiles: &'a [Profile],
    without_faults: &'a [FaultKind],
    shard: Shard,
    next: AtomicU64,
}

impl<'a, S: Scenario> SeedSearch<'a, S> {
    pub(super) fn new(
        scenario: &'a S,
        seeds: &'a Seeds,
        profiles: &'a [Profile],
        without_faults: &'a [FaultKind],
        shard: Shard,
    ) -> Self {
        Self { generator: Generator::new(scenario), seeds, profiles, without_faults, shard, next: AtomicU64::new(0) }
    }
}

impl<S: Scenario> Search<S::Workload> for SeedSearch<'_, S> {
    fn next(&self) -> Option<Candidate<S::Workload>> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let index = self.shard.index(turn);
        let (seed, profile) = self.seeds.case(index, self.profiles.len())?;
        let profile = self.profiles[profile];
        let plan = self.generator.plan(seed, profile).without_faults(self.without_faults);
        Some(Candidate { turn, index, source: Source::Seed { seed, profile }, plan })
    }
}
