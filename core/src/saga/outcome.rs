use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use smol_str::{SmolStr, format_smolstr};

use super::{ActionState, CompensationCause, Record, State, StepError, Value};
use crate::{
    cut::cut,
    ports::{SagaInstance, SagaStatus},
};

/// Rest to which a saga has come: how it ended, or why only an operator can help. It is kept with the saga, and so is
/// known when the saga's log was purged long ago.
///
/// ```
/// use seaworthy_core::saga::SagaOutcome;
/// let outcome = SagaOutcome::Stuck { reason: "step `pay` has used up its attempts".into() };
/// assert!(!outcome.is_end());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SagaOutcome {
    /// All steps are done or skipped.
    Completed {
        /// Result of the saga, as its definition says; null where it says nothing.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        result: Value,
        /// Reason why there is no result although the definition says what it is: its closure failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<SmolStr>,
    },
    /// All that was done is undone.
    Compensated {
        /// Cause of the compensation; `None` where an older release ended the saga and its log was purged since.
        cause: Option<CompensationCause>,
        /// The step that was rejected, and the reason of whoever rejected it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<SmolStr>,
    },
    /// An operator gave it up.
    Abandoned {
        /// Reason that the operator gave.
        reason: SmolStr,
    },
    /// It waits for an operator, and may go on yet.
    Stuck {
        /// Reason why only an operator can help.
        reason: SmolStr,
    },
}

/// Text where an older release ended a saga and its log was purged since.
const NOT_KEPT: &str = "its log was purged, and with it the reason";

impl SagaOutcome {
    /// Returns `true` for an end; a stuck saga may go on.
    pub fn is_end(&self) -> bool {
        !matches!(self, Self::Stuck { .. })
    }

    /// Returns the status of a saga that has come to this.
    pub fn status(&self) -> SagaStatus {
        match self {
            Self::Completed { .. } => SagaStatus::Completed,
            Self::Compensated { .. } => SagaStatus::Compensated,
            Self::Abandoned { .. } => SagaStatus::Abandoned,
            Self::Stuck { .. } => SagaStatus::Stuck,
        }
    }

    /// Returns the reason for which it is no completion, in words; empty for one that is.
    pub fn reason(&self) -> String {
        match self {
            Self::Completed { .. } => String::new(),
            Self::Compensated { reason: Some(reason), .. } | Self::Abandoned { reason } | Self::Stuck { reason } => {
                reason.to_string()
            }
            Self::Compensated { cause: Some(CompensationCause::Deadline), .. } => "its deadline passed".to_owned(),
            Self::Compensated { cause: Some(CompensationCause::Cancelled), .. } => "it was cancelled".to_owned(),
            Self::Compensated { cause: Some(CompensationCause::Rejected), .. } => "a step was rejected".to_owned(),
            Self::Compensated { cause: None, .. } => NOT_KEPT.to_owned(),
        }
    }

    /// Returns what is kept of it. That a saga has completed without a result its status says.
    pub(crate) fn encode(&self) -> Option<Bytes> {
        if matches!(self, Self::Completed { result, error: None } if result.is_null()) {
            return None;
        }
        Some(Bytes::from(serde_json::to_vec(self).expect("an outcome has only strings and JSON text")))
    }

    /// Returns what is kept with a saga. A release that kept nothing may have moved it since; then it is not this saga's.
    pub(crate) fn kept(instance: &SagaInstance) -> Option<Self> {
        let kept: Self = serde_json::from_slice(instance.outcome.as_ref()?).ok()?;
        (kept.status() == instance.status).then_some(kept)
    }

    /// Returns what the entries of a log say of how its saga came to rest; `None` for one that has not.
    pub(crate) fn of_log(status: SagaStatus, records: &[Record]) -> Option<Self> {
        let rejected = records.iter().find_map(|record| match record {
            Record::Rejected { step, reason, .. } => Some(format_smolstr!("step `{step}`: {reason}")),
            _ => None,
        });
        let last = |text: fn(&Record) -> Option<&String>| records.iter().rev().find_map(text).map(SmolStr::from);
        Some(match status {
            SagaStatus::Running | SagaStatus::Compensating => return None,
            SagaStatus::Completed => Self::Completed { result: Value::NULL, error: None },
            SagaStatus::Compensated => {
                let cause = records.iter().find_map(|record| match record {
                    Record::CompensationBegun { cause } => Some(*cause),
                    _ => None,
                });
                Self::Compensated { cause, reason: rejected }
            }
            SagaStatus::Abandoned => Self::Abandoned {
                reason: last(|record| if let Record::Abandoned { reason } = record { Some(reason) } else { None })
                    .unwrap_or(NOT_KEPT.into()),
            },
            SagaStatus::Stuck => Self::Stuck {
                reason: last(|record| if let Record::Stuck { reason } = record { Some(reason) } else { None })
                    .unwrap_or(NOT_KEPT.into()),
            },
        })
    }

    /// Returns how a saga that turned back has ended.
    pub(crate) fn compensated(state: &State) -> Self {
        let rejected =
            state.steps.iter().zip(&state.shape.steps).find(|(step, _)| step.action == ActionState::Rejected);
        let reason = rejected.map(|(step, shape)| match &step.error {
            Some(reason) => cut(format_smolstr!("step `{}`: {reason}", shape.path)),
            None => format_smolstr!("step `{}`", shape.path),
        });
        Self::Compensated { cause: state.cause, reason }
    }
}

/// Outputs of a saga's steps, once it has completed: what its result is made of.
#[derive(Clone, Copy, Debug)]
pub struct Outputs<'a>(pub(crate) &'a State);

impl Outputs<'_> {
    /// Decodes the output of a step, by its path; `None` if the step was skipped.
    ///
    /// # Errors
    /// [`StepError::Unavailable`] if the output is not a `T`.
    pub fn output<T: DeserializeOwned>(&self, step: &str) -> Result<Option<T>, StepError> {
        self.0.output(step).map(Value::decode).transpose()
    }
}
