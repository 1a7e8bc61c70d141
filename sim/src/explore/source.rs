use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::plan::Profile;

/// Where a plan came from: all that is needed to have it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
}

impl Source {
    /// The profile that drew it, if one did.
    pub fn profile(&self) -> Option<Profile> {
        match self {
            Self::Seed { profile, .. } => Some(*profile),
            Self::File(_) => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seed { seed, profile } => write!(f, "seed {seed:#018x}, profile {profile}"),
            Self::File(path) => write!(f, "plan {}", path.display()),
        }
    }
}
