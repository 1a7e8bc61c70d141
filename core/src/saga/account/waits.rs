use std::fmt;

use smol_str::SmolStr;

use crate::{ids::Direction, ports::Timestamp, saga::SagaRequest};

/// Subject of a saga's wait, as its log tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitsFor {
    /// Nothing: it has ended.
    Nothing,
    /// An operator: it is stuck.
    Operator {
        /// Reason why only an operator can help.
        reason: SmolStr,
        /// Step that failed last, if there is one.
        step: Option<SmolStr>,
        /// Time at which it became stuck.
        since: Timestamp,
    },
    /// The answer to an operator's request, from whoever knows its definition.
    Answer {
        /// The oldest request without an answer.
        request: SagaRequest,
        /// Time at which it was asked for.
        since: Timestamp,
    },
    /// A process that knows its version: one that does not has left it.
    Release {
        /// The newest version that the process knew.
        newest: u32,
        /// Time at which it was left.
        since: Timestamp,
    },
    /// The time of a step's next attempt.
    Retry {
        /// Path of the step.
        step: SmolStr,
        /// Direction of the attempt.
        direction: Direction,
        /// The attempt that failed.
        attempt: u32,
        /// Error of that attempt.
        error: SmolStr,
        /// Time of the next one.
        until: Timestamp,
    },
    /// The end of a step's attempt, of which nothing is known yet.
    Attempt {
        /// Path of the step.
        step: SmolStr,
        /// Number of the attempt.
        attempt: u32,
        /// Time at which it began.
        since: Timestamp,
    },
    /// A signal or a message, or a moment.
    Signal {
        /// Path of the step that waits.
        step: SmolStr,
        /// Name of the signal; `None` for a moment.
        signal: Option<SmolStr>,
        /// Key by which messages find it, if it has one of its own.
        key: Option<SmolStr>,
        /// Time at which the saga came to the step.
        since: Timestamp,
        /// End of the wait, if it has one.
        until: Option<Timestamp>,
    },
    /// A process: it goes on by itself.
    Process {
        /// Time at which it came to where it is.
        since: Timestamp,
    },
}

impl WaitsFor {
    /// Returns the step that it is about, if it is about one.
    pub fn step(&self) -> Option<&SmolStr> {
        match self {
            Self::Operator { step, .. } => step.as_ref(),
            Self::Retry { step, .. } | Self::Attempt { step, .. } | Self::Signal { step, .. } => Some(step),
            _ => None,
        }
    }

    pub(super) fn step_mut(&mut self) -> Option<&mut SmolStr> {
        match self {
            Self::Retry { step, .. } | Self::Attempt { step, .. } | Self::Signal { step, .. } => Some(step),
            // For an operator it waits once the log is read to its end.
            _ => None,
        }
    }
}

impl fmt::Display for WaitsFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Operator { reason, .. } => write!(f, "an operator: {reason}"),
            Self::Answer { request, .. } => write!(f, "an answer to: {request}"),
            Self::Release { newest, .. } => write!(f, "a release that knows its version: others know up to {newest}"),
            Self::Retry { step, direction: Direction::Action, attempt, error, .. } => {
                write!(f, "attempt {} of step `{step}`: {error}", attempt + 1)
            }
            Self::Retry { step, direction: Direction::Compensation, attempt, error, .. } => {
                write!(f, "attempt {} of the compensation of step `{step}`: {error}", attempt + 1)
            }
            Self::Attempt { step, attempt, .. } => write!(f, "the end of attempt {attempt} of step `{step}`"),
            Self::Signal { step, signal: Some(signal), key: Some(key), .. } => {
                write!(f, "`{signal}` of `{key}`, at step `{step}`")
            }
            Self::Signal { step, signal: Some(signal), .. } => write!(f, "`{signal}`, at step `{step}`"),
            Self::Signal { step, .. } => write!(f, "its moment, at step `{step}`"),
            Self::Process { .. } => f.write_str("a process"),
        }
    }
}
