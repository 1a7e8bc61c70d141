use serde::{Deserialize, Serialize};

use crate::{explore::Source, invariants::Violation, world::RunReport};

/// A run of a campaign that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRun {
    /// Position among all runs of the whole sweep, from 0.
    pub index: u64,
    /// Source of its plan.
    pub source: Source,
    /// The first invariant that did not hold.
    pub violation: Violation,
    /// Number of further violations of the run.
    pub others: u64,
    /// Fingerprint of its trace.
    #[serde(with = "crate::hexadecimal")]
    pub fingerprint: u64,
}

impl FailedRun {
    /// The failure that a run shows, if it failed.
    pub(in crate::explore) fn from_report(
        index: u64,
        source: impl FnOnce() -> Source,
        report: &RunReport,
    ) -> Option<Self> {
        let violation = report.violations.first()?.clone();
        let others = report.violations.len() as u64 - 1;
        Some(Self { index, source: source(), violation, others, fingerprint: report.fingerprint })
    }
}
