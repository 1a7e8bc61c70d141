//! The plan: a run's whole identity, as data.
//!
//! A plan can be printed, committed as a regression case, read back and shrunk. All dice are thrown when it is made:
//! while a run goes on, nothing random decides a fault.

mod classes;
mod digest;
mod error;
mod fault;
mod names;
mod plan_file;
mod point;
mod profile;
mod schedule;
mod seed;
mod shrinker;
pub mod stream;
mod validate;
pub(crate) mod workload;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

pub use error::PlanError;
pub use fault::{CallFault, Disturbance, Fault, FaultKind, Restart, TimedFault, UnknownFault, Verdict};
pub(crate) use fault::{
    Drawn, Edge, HANG_MS, LONG_MS, SHORT_MS, Target, Targets, is_given_up_by_its_caller, smaller_numbers,
};
pub use plan_file::{Integrity, PlanFile, scenario_of};
pub use point::{Calls, Point};
pub use profile::{Profile, UnknownProfile};
pub use schedule::{Latency, Schedule};
pub use seed::derive_seed;
pub use shrinker::Shrinker;
pub(crate) use workload::Workload;
pub(crate) use workload::counted;

/// The format that this version writes, and the newest that it reads. It reads `seaworthy/plan@2`, too, where faults strike
/// at kinds of calls and not at operations, and `seaworthy/plan@1`, whose seed is a number and which has no digest.
pub const FORMAT: &str = "seaworthy/plan@3";

/// Plan of a run: everything that the run depends on, except the store. In a file it is a [`PlanFile`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan<W> {
    /// Always [`FORMAT`] in a valid plan.
    pub format: SmolStr,
    /// Name of the scenario that it is for.
    pub scenario: SmolStr,
    /// Seeds the schedule, the latencies and each process's randomness.
    #[serde(with = "crate::hexadecimal")]
    pub seed: u64,
    /// Passing of time at port calls.
    #[serde(default)]
    pub schedule: Schedule,
    /// Requests of the outside to the system, in the scenario's own type.
    pub workload: W,
    /// Faults of the run.
    pub faults: Vec<Fault>,
}

impl<W> Plan<W> {
    /// Removes its faults of these kinds. Nothing else changes: the other faults strike where they did.
    #[must_use]
    pub fn without_faults(mut self, kinds: &[FaultKind]) -> Self {
        self.faults.retain(|fault| !kinds.contains(&fault.kind()));
        self
    }
}
