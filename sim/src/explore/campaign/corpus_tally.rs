use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::FailedRun;
use crate::{explore::twice::TwiceTally, plan::Plan, world::RunReport};

/// Tally of the replays of the corpus.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorpusTally {
    /// Number of plans.
    pub plans: u64,
    /// Failures of plans, in the order of their file names.
    pub failures: Vec<FailedRun>,
    /// Plans none of whose faults struck: they hold whatever the code does, and count as failed.
    #[serde(default)]
    pub idle: Vec<IdlePlan>,
    /// Plans of whose faults only some struck.
    #[serde(default)]
    pub weaker: Vec<IdlePlan>,
    /// Paths of plans that a person or a tool changed since they were written.
    #[serde(default)]
    pub edited: Vec<PathBuf>,
    /// Tally of the plans that were run twice.
    #[serde(default)]
    pub twice: TwiceTally,
}

impl CorpusTally {
    /// Returns `true` if no plan failed, and each tested something.
    pub fn held(&self) -> bool {
        self.failures.is_empty() && self.idle.is_empty() && self.twice.difference.is_none()
    }
}

/// A plan whose faults do not strike: the code makes other calls than when the plan was kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdlePlan {
    /// Path of its file.
    pub path: PathBuf,
    /// The faults that never struck, as their position in the plan and what they are.
    pub faults: Vec<String>,
    /// `true` if others of its faults did.
    pub others_struck: bool,
}

impl IdlePlan {
    /// The faults of a plan that did not strike in a run of it, if there are any.
    ///
    /// ```
    /// # use seaworthy_sim::{explore::IdlePlan, plan::Plan, world::RunReport};
    /// # fn after<W>(plan: &Plan<W>, report: &RunReport) {
    /// if let Some(idle) = IdlePlan::from_report("kept.json".into(), plan, report) {
    ///     println!("{idle}");
    /// }
    /// # }
    /// ```
    pub fn from_report<W>(path: PathBuf, plan: &Plan<W>, report: &RunReport) -> Option<Self> {
        let struck = |index: usize| report.fired.iter().any(|fired| fired.index as usize == index);
        let silent = plan.faults.iter().enumerate().filter(|(index, _)| !struck(*index));
        let faults: Vec<String> = silent.map(|(index, fault)| format!("fault {index} ({fault})")).collect();
        let others_struck = faults.len() < plan.faults.len();
        (!faults.is_empty()).then_some(Self { path, faults, others_struck })
    }
}

impl fmt::Display for IdlePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, faults) = (self.path.display(), self.faults.join(", "));
        match self.others_struck {
            true => write!(f, "{path}: this plan tests less than it did: {faults} never struck"),
            false => write!(f, "{path}: this plan no longer tests anything: {faults} never struck"),
        }
    }
}
