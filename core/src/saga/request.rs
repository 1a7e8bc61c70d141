//! Requests of an operator, as a saga's log keeps them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use smol_str::SmolStr;

use super::Value;
use crate::cut::cut;

/// SagaRequest of an operator that a tool has written into a saga's log, for whoever knows the saga's definition to answer
/// ([`ask`](super::ask)).
///
/// ```
/// use seaworthy_core::saga::{SagaRequest, Verb};
///
/// let request = SagaRequest::new(Verb::Skip { step: "carrier".into() }, "ops@example.org").because("booked by phone");
/// assert_eq!(request.to_string(), "skip step `carrier`, asked for by ops@example.org: booked by phone");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SagaRequest {
    /// Verb that is asked for.
    #[serde(with = "lenient")]
    pub verb: Verb,
    /// Reason that the operator gave; empty for none.
    #[serde(default, skip_serializing_if = "SmolStr::is_empty")]
    pub reason: SmolStr,
    /// Name of the person or tool that asks.
    #[serde(default, skip_serializing_if = "SmolStr::is_empty")]
    pub by: SmolStr,
}

impl SagaRequest {
    /// A request of somebody, without a reason.
    pub fn new(verb: Verb, by: impl Into<SmolStr>) -> Self {
        Self { verb, reason: SmolStr::default(), by: cut(by.into()) }
    }

    /// Gives the reason; it is cut to 1 KiB.
    #[must_use]
    pub fn because(mut self, reason: impl Into<SmolStr>) -> Self {
        self.reason = cut(reason.into());
        self
    }
}

impl fmt::Display for SagaRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.verb)?;
        if !self.by.is_empty() {
            write!(f, ", asked for by {}", self.by)?;
        }
        if self.reason.is_empty() { Ok(()) } else { write!(f, ": {}", self.reason) }
    }
}

/// Verb of an operator. Each may be repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verb {
    /// Sets a stuck saga going again in its direction, with fresh budgets.
    Resume,
    /// Skips a step: takes it as settled in the direction in which the saga goes, and sets the saga going again if it is stuck.
    Skip {
        /// Path of the step.
        step: SmolStr,
    },
    /// Turns the saga back, unless its pivot has committed or may have.
    Cancel,
    /// Gives the saga up as it is: what is done stays done.
    Abandon,
    /// Ends the wait of every step that has failed and is to be tried again.
    RetryNow,
    /// Says that a step was carried out, with this output: for a step in doubt, or any step that a stuck saga is at.
    Settle {
        /// Path of the step.
        step: SmolStr,
        /// Output of the step.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        output: Value,
    },
    /// Says that a step in doubt was not carried out.
    SettleNotDone {
        /// Path of the step.
        step: SmolStr,
    },
    /// A verb of a newer release, which this one does not know.
    #[serde(skip)]
    Unknown(Value),
}

impl Verb {
    /// Returns the step that it is about, if it is about one.
    pub fn step(&self) -> Option<&SmolStr> {
        match self {
            Self::Skip { step } | Self::Settle { step, .. } | Self::SettleNotDone { step } => Some(step),
            _ => None,
        }
    }

    pub(super) fn step_mut(&mut self) -> Option<&mut SmolStr> {
        match self {
            Self::Skip { step } | Self::Settle { step, .. } | Self::SettleNotDone { step } => Some(step),
            _ => None,
        }
    }

    /// Returns its name, in one word: `skip`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Resume => "resume",
            Self::Skip { .. } => "skip",
            Self::Cancel => "cancel",
            Self::Abandon => "abandon",
            Self::RetryNow => "retry_now",
            Self::Settle { .. } => "settle",
            Self::SettleNotDone { .. } => "settle_not_done",
            Self::Unknown(_) => "unknown",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skip { step } => write!(f, "skip step `{step}`"),
            Self::RetryNow => f.write_str("retry now"),
            Self::Settle { step, output } => write!(f, "take step `{step}` as done, with {}", output.as_json()),
            Self::SettleNotDone { step } => write!(f, "take step `{step}` as not done"),
            Self::Unknown(verb) => write!(f, "a verb that this release does not know, {}", verb.as_json()),
            _ => f.write_str(self.name()),
        }
    }
}

/// A verb of a newer release is read as one that is not known, and kept as it is: the log has to be read all the same.
mod lenient {
    use super::{Deserialize, Deserializer, RawValue, Serialize, Serializer, Value, Verb};
    use serde::de::Error as _;

    pub(super) fn serialize<S: Serializer>(verb: &Verb, serializer: S) -> Result<S::Ok, S::Error> {
        match verb {
            Verb::Unknown(verb) => verb.serialize(serializer),
            verb => verb.serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Verb, D::Error> {
        let stored = Box::<RawValue>::deserialize(deserializer)?;
        match serde_json::from_str(stored.get()) {
            Ok(verb) => Ok(verb),
            Err(_) => serde_json::from_str::<Value>(stored.get()).map(Verb::Unknown).map_err(D::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verb_of_a_newer_release_is_read_and_kept_as_it_is() {
        for verb in [r#"{"sell":{"step":"pay","to":{"receipt":7}}}"#, r#""hurry""#] {
            let stored = format!(r#"{{"verb":{verb},"by":"ops"}}"#);
            let request: SagaRequest = serde_json::from_str(&stored).expect("whatever the verb is");
            assert!(matches!(request.verb, Verb::Unknown(_)), "{request:?}");
            assert_eq!(serde_json::to_string(&request).expect("plain data"), stored);
        }
    }

    #[test]
    fn a_request_is_read_as_it_was_written() {
        let step = SmolStr::new("pay");
        let output = Value::from(serde_json::json!({ "receipt": 7 }));
        for verb in [
            Verb::Resume,
            Verb::Skip { step: step.clone() },
            Verb::Cancel,
            Verb::Abandon,
            Verb::RetryNow,
            Verb::Settle { step: step.clone(), output },
            Verb::Settle { step: step.clone(), output: Value::NULL },
            Verb::SettleNotDone { step },
        ] {
            let request = SagaRequest::new(verb, "ops").because("by phone");
            let stored = serde_json::to_string(&request).expect("plain data");
            assert_eq!(serde_json::from_str::<SagaRequest>(&stored).expect("its own"), request, "{stored}");
        }
    }
}
