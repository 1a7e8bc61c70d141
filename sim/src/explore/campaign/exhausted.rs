use std::fmt;

use serde::{Deserialize, Serialize};

/// Coverage of an exhaustive search, which has neither profiles nor a base seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exhausted {
    /// Largest number of faults of a plan.
    pub k: u8,
    /// The seed of workload and schedule.
    #[serde(with = "crate::hexadecimal")]
    pub seed: u64,
    /// Items of the workload.
    pub items: u64,
    /// Number of plans with one fault.
    pub single: u64,
    /// Number of plans with two faults.
    pub double: u64,
    /// Number of pairs that are in no plan, since others [stand for them](crate::explore::exhaust()).
    #[serde(default)]
    pub left_out: u64,
    /// Number of plans that this part of it was to run: all of them, where it is the whole.
    pub plans: u64,
    /// Number of the first plan of this part that was not run, to go on from. `None` where all were.
    pub next: Option<u64>,
}

impl Exhausted {
    /// Returns the number of plans of the whole: with the one that has no fault.
    pub fn all(&self) -> u64 {
        1 + self.single + self.double
    }

    /// Returns `true` if no plan of the whole was left to others: neither to other parts, nor to whoever goes on.
    pub fn is_whole(&self) -> bool {
        self.plans == self.all() && self.next.is_none()
    }

    /// Returns the part of the coverage that all parts of one whole agree about.
    pub(super) fn whole(&self) -> Self {
        Self { plans: 0, next: None, ..*self }
    }
}

/// Formats the plans that were tried: `1 without a fault, 739 with one, 270156 with two`.
impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1 without a fault, {} with one", self.single)?;
        if self.k > 1 { write!(f, ", {} with two", self.double) } else { Ok(()) }
    }
}
