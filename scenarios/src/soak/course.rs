//! Course of a soak: what fell on the worker, what came of it, and what did not hold.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::figures::Figures;

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Violated {
    pub(super) invariant: String,
    pub(super) sentence: String,
}

pub(super) fn violated(invariant: impl Into<String>, sentence: impl Into<String>) -> Violated {
    Violated { invariant: invariant.into(), sentence: sentence.into() }
}

/// Count of a blow: how often it fell, and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Tally {
    pub(super) planned: u64,
    pub(super) struck: u64,
    /// Calls that were refused, commits that were slowed, processes that ended.
    pub(super) effects: u64,
}

/// Course of a soak.
pub(super) struct Course {
    pub(super) tallies: BTreeMap<&'static str, Tally>,
    pub(super) figures: Vec<Figures>,
    /// Number of times that the worker was started.
    pub(super) lives: u32,
    pub(super) violated: Vec<Violated>,
    pub(super) interrupted: bool,
    pub(super) lasted: Duration,
}
