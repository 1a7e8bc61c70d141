use crate::{
    explore::{SearchOptions, Shard, Until},
    plan::FaultKind,
};

/// Options of an exhaustive search.
#[derive(Clone)]
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
    /// Options of the runs.
    pub search: SearchOptions,
}

impl ExhaustOptions {
    /// All plans of up to `k` faults for one item, until the first failure.
    pub fn new(k: u8) -> Self {
        let search = SearchOptions { until: Until::end().failures(1), ..SearchOptions::default() };
        Self { k, seed: None, items: 1, from: 1, shard: Shard::WHOLE, without_faults: Vec::new(), search }
    }
}
