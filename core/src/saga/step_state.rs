use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::Value;
use crate::ports::Timestamp;

/// State of a step's action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ActionState {
    /// Not settled yet.
    Pending,
    /// Its effects have committed.
    Done,
    /// It does not apply, or an operator skipped it.
    Skipped,
    /// It was refused for good.
    Rejected,
}

/// State of a step's compensation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CompensationState {
    /// Not settled yet.
    Pending,
    /// The action is undone.
    Compensated,
    /// Given up until an operator resumes it.
    Exhausted,
    /// An operator skipped it: it counts as undone. Stored as `waived`, as it was first called.
    #[serde(rename = "waived")]
    Skipped,
}

/// Attempts in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Attempts {
    /// The last logged attempt.
    pub last: u32,
    /// Failures that spent the budget.
    pub spent: u32,
    /// Time at which the first one was logged, by the store's clock.
    pub since: Option<Timestamp>,
    /// The next one waits until then, by the store's clock.
    pub not_before: Option<Timestamp>,
    /// Attempts in a row that were announced and never heard of again, or that ended in a panic.
    pub lost: u32,
    /// The last one that is over ended in a panic.
    pub panicked: bool,
    /// Attempts in which whoever was asked had agreed and our own part failed.
    #[serde(skip_serializing_if = "is_zero")]
    pub own: u32,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// Wait that a step has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// End of the wait by the store's clock, if it has one.
    pub until: Option<Timestamp>,
    /// That is a moment which the saga asked for, whatever the store's clock showed when it came to the step.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_asked_for: bool,
}

/// State of one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepState {
    /// State of its action.
    pub action: ActionState,
    /// State of its compensation.
    pub compensation: CompensationState,
    /// Attempts of its action.
    pub forward: Attempts,
    /// Attempts of its compensation.
    pub backward: Attempts,
    /// A participant may be carrying out the last attempt right now.
    pub asking: bool,
    /// An earlier attempt may have been carried out.
    pub unknown: bool,
    /// It waits, or has waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// Key by which messages find it where it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<SmolStr>,
    /// Id of the signal that it has received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<SmolStr>,
    /// The action's output.
    #[serde(default)]
    pub output: Value,
    /// The error of the last attempt that failed, in either direction.
    #[serde(default)]
    pub error: Option<SmolStr>,
}

impl StepState {
    pub(super) const FRESH: Self = Self {
        action: ActionState::Pending,
        compensation: CompensationState::Pending,
        forward: Attempts { last: 0, spent: 0, since: None, not_before: None, lost: 0, panicked: false, own: 0 },
        backward: Attempts { last: 0, spent: 0, since: None, not_before: None, lost: 0, panicked: false, own: 0 },
        asking: false,
        unknown: false,
        waiting: None,
        key: None,
        signal: None,
        output: Value::NULL,
        error: None,
    };

    /// Returns `true` if its action may have had effects although it is not known to be done.
    pub fn is_doubtful(&self) -> bool {
        self.action != ActionState::Done && (self.asking || self.unknown)
    }

    /// Returns `true` if its action needs no further attempt.
    pub fn is_settled(&self) -> bool {
        matches!(self.action, ActionState::Done | ActionState::Skipped)
    }
}
