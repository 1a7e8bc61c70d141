use std::fmt;

use serde::{Deserialize, Serialize};

/// What an exhaustive search covers, which has neither profiles nor a base seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exhausted {
    /// How many faults a plan has at most.
    pub k: u8,
    /// The seed of workload and schedule.
    #[serde(with = "crate::hexadecimal")]
    pub seed: u64,
    /// Items of the workload.
    pub items: u64,
    /// How many plans with one fault there are.
    pub single: u64,
    /// How many with two.
    pub double: u64,
    /// How many plans this part of it was to run: all of them, where it is the whole.
    pub plans: u64,
    /// Where to go on: the number of the first plan of this part that was not run. `None` where all were.
    pub next: Option<u64>,
}

impl Exhausted {
    /// How many plans there are in the whole: with the one that has no fault.
    pub fn all(&self) -> u64 {
        1 + self.single + self.double
    }

    /// What all parts of one whole agree about.
    pub(super) fn whole(&self) -> Self {
        Self { plans: 0, next: None, ..*self }
    }
}

/// What was tried: `1 without a fault, 739 with one, 270156 with two`.
impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1 without a fault, {} with one", self.single)?;
        if self.k > 1 { write!(f, ", {} with two", self.double) } else { Ok(()) }
    }
}
