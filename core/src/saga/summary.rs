use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{CompensationCause, Origin, Signal, StepState};
use crate::ports::Timestamp;

/// State of a saga that is under way, in place of the log that led to it. Moments are those that the store kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Message that it was started for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Trace context of the request that it was started for, if it was not for a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<SmolStr>,
    /// Cause of its compensation, if it goes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<CompensationCause>,
    /// Time at which it turns back unless its pivot has committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// Signals that no step has received yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signals: Vec<Signal>,
    /// Its steps, in the order of the definition.
    pub steps: Vec<StepSummary>,
}

/// State of one step of a [`Summary`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepSummary {
    /// Path of the step.
    pub path: SmolStr,
    /// Name by which participants know it, if that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<SmolStr>,
    /// Name of the signal that it waits for, if it waits for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaits: Option<SmolStr>,
    /// State of the step.
    pub state: StepState,
}
