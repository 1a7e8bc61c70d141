use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{invariants::Violation, plan::Profile, world::RunReport};

/// One run that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its position among all runs of the whole sweep, from 0.
    pub index: u64,
    /// Where its plan came from.
    pub source: Source,
    /// The first invariant that did not hold.
    pub violation: Violation,
    /// How many more violations the run had.
    pub others: u64,
    /// Of its trace.
    #[serde(with = "crate::hexadecimal")]
    pub fingerprint: u64,
}

impl Failure {
    /// The failure that a run shows, if it failed.
    pub(in crate::explore) fn of(index: u64, source: impl FnOnce() -> Source, report: &RunReport) -> Option<Self> {
        let violation = report.violations.first()?.clone();
        let others = report.violations.len() as u64 - 1;
        Some(Self { index, source: source(), violation, others, fingerprint: report.fingerprint })
    }
}

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

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seed { seed, profile } => write!(f, "seed {seed:#018x}, profile {profile}"),
            Self::File(path) => write!(f, "plan {}", path.display()),
        }
    }
}
