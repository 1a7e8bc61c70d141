use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::ids::MessageId;

/// Cause of a saga's compensation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CompensationCause {
    /// A step was rejected.
    Rejected,
    /// A deadline passed before the pivot.
    Deadline,
    /// An operator cancelled it.
    Cancelled,
}

/// Failure of an attempt that is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AttemptFailure {
    /// Nothing happened: spends the step's budget.
    Transient,
    /// It may have happened: spends nothing, and the step stays in doubt.
    Unknown,
}

/// Message that a saga was started for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// Id of the message.
    pub message: MessageId,
    /// Trace context of the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<SmolStr>,
}
