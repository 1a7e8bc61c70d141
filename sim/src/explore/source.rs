use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::plan::{Fault, Profile};

/// Source of a plan: all that is needed to have it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Source {
    /// Drawn: [`generate`](crate::generate::generate) gives it again.
    Seed {
        /// Seed that it was drawn under.
        #[serde(with = "crate::hexadecimal")]
        seed: u64,
        /// Profile that it was drawn by.
        profile: Profile,
    },
    /// Read from a file.
    File(PathBuf),
    /// Plan among all those that there are of a workload: [`exhaust`](crate::explore::exhaust()) makes it.
    Exhaust {
        /// Number of the plan among them, from 1.
        number: u64,
        /// The seed of workload and schedule.
        #[serde(with = "crate::hexadecimal")]
        seed: u64,
        /// Number of items of that workload.
        items: u64,
        /// Faults of the plan.
        faults: Box<[Fault]>,
        /// The number is one among all pairs, if this is set, or among those that no other one stands for.
        #[serde(default)]
        all_pairs: bool,
    },
}

impl Source {
    /// The profile that drew it, if one did.
    pub fn profile(&self) -> Option<Profile> {
        match self {
            Self::Seed { profile, .. } => Some(*profile),
            Self::File(_) | Self::Exhaust { .. } => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seed { seed, profile } => write!(f, "seed {seed:#018x}, profile {profile}"),
            Self::File(path) => write!(f, "plan {}", path.display()),
            Self::Exhaust { number, .. } => write!(f, "plan {number} of all"),
        }
    }
}
