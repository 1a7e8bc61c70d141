use crate::{
    explore::{SearchOptions, Shard, Until},
    plan::FaultKind,
};

/// Options of an exhaustive search.
#[derive(Clone)]
#[non_exhaustive]
pub struct ExhaustOptions {
    /// Largest number of faults of a plan: 1 or 2.
    pub k: u8,
    /// Draws the workload, and how long calls take; the first seed from 0 that draws enough items, where `None`.
    pub seed: Option<u64>,
    /// Number of items of that workload that are kept, the first ones: pairs grow with their square.
    pub items: usize,
    /// Number of the first plan to run, from 1: a search that was interrupted goes on there.
    pub from: u64,
    /// Part of the plans that is run.
    pub shard: Shard,
    /// Kinds of fault that are not tried.
    pub without_faults: Vec<FaultKind>,
    /// Pairs that others stand for are tried, too, if this is set.
    pub all_pairs: bool,
    /// Options of the runs.
    pub search: SearchOptions,
}

impl ExhaustOptions {
    /// Returns the options for all plans of up to `k` faults for one item, until the first failure.
    pub fn new(k: u8) -> Self {
        let search = SearchOptions { until: Until::end().failures(1), ..SearchOptions::default() };
        let (shard, without_faults) = (Shard::WHOLE, Vec::new());
        Self { k, seed: None, items: 1, from: 1, shard, without_faults, all_pairs: false, search }
    }

    /// Sets the largest number of faults of a plan: 1 or 2.
    #[must_use]
    pub fn k(mut self, k: u8) -> Self {
        self.k = k;
        self
    }

    /// Sets the seed of the workload; the first seed from 0 that draws enough items, where `None`.
    #[must_use]
    pub fn seed(mut self, seed: Option<u64>) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the number of items of that workload that are kept, the first ones: pairs grow with their square.
    #[must_use]
    pub fn items(mut self, items: usize) -> Self {
        self.items = items;
        self
    }

    /// Sets the number of the first plan to run, from 1: a search that was interrupted goes on there.
    #[must_use]
    pub fn from(mut self, from: u64) -> Self {
        self.from = from;
        self
    }

    /// Sets the part of the plans that is run.
    #[must_use]
    pub fn shard(mut self, shard: Shard) -> Self {
        self.shard = shard;
        self
    }

    /// Sets the kinds of fault that are not tried.
    #[must_use]
    pub fn without_faults(mut self, without_faults: Vec<FaultKind>) -> Self {
        self.without_faults = without_faults;
        self
    }

    /// Sets if pairs that others stand for are tried, too: twice as many, or more.
    #[must_use]
    pub fn all_pairs(mut self, all_pairs: bool) -> Self {
        self.all_pairs = all_pairs;
        self
    }

    /// Sets the options of the runs.
    #[must_use]
    pub fn search(mut self, search: SearchOptions) -> Self {
        self.search = search;
        self
    }
}
