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
        /// Under this seed.
        #[serde(with = "crate::hexadecimal")]
        seed: u64,
        /// By this profile.
        profile: Profile,
    },
    /// Read from a file.
    File(PathBuf),
    /// One of all the plans that there are of a workload: [`exhaust`](crate::explore::exhaust()) makes it.
    Exhaust {
        /// Its number among them, from 1.
        number: u64,
        /// The seed of workload and schedule.
        #[serde(with = "crate::hexadecimal")]
        seed: u64,
        /// Number of items of that workload.
        items: u64,
        /// Faults of the plan.
        faults: Vec<Fault>,
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
