mod told_of;

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{AttemptFailure, CompensationCause, Passage, RecordError, SagaRequest, Summary, Value};
use crate::{
    ids::{Direction, MessageId},
    message::from_json,
    time::Timestamp,
};

/// One entry of a saga's log, stored as JSON.
///
/// Moments are the store's, kept beside each entry, so a record holds durations only: a process whose clock is wrong
/// can't write a wrong deadline.
///
/// ```
/// use seaworthy_core::saga::{Record, Value};
/// let record = Record::Done { step: "reserve".into(), output: Value::NULL };
/// assert_eq!(record.encode(), r#"{"done":{"step":"reserve"}}"#);
/// assert_eq!(Record::decode(&record.encode()), Ok(record));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Record {
    /// The saga exists.
    Started {
        /// Time that it may take until its pivot has committed, in microseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline_us: Option<u64>,
        /// Trace context of the request that it was started for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        traceparent: Option<SmolStr>,
    },
    /// A message has started the saga: what the saga stages is caused by it.
    Caused {
        /// Id of the message.
        message: MessageId,
        /// Trace context of the message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        traceparent: Option<SmolStr>,
    },
    /// A participant that is not ours is about to be asked: from here on a crash leaves doubt.
    Attempting {
        /// Path of the step.
        step: SmolStr,
        /// `1` for the first attempt.
        attempt: u32,
    },
    /// An attempt begins that leaves no doubt but may end with its process, as an earlier one seems to have done: it is
    /// counted before it begins.
    Announced {
        /// Path of the step.
        step: SmolStr,
        /// Direction of the attempt.
        direction: Direction,
        /// `1` for the first attempt in this direction.
        attempt: u32,
    },
    /// An action is done; committed together with its effects.
    Done {
        /// Path of the step.
        step: SmolStr,
        /// Output of the action.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        output: Value,
    },
    /// The saga has come to a step that waits.
    Waiting {
        /// Path of the step.
        step: SmolStr,
        /// Name of the signal that it waits for; none where it waits for a moment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<SmolStr>,
        /// Time that it waits at most, in microseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit_us: Option<u64>,
        /// Moment of the store's clock until which it waits at most: one that follows from the saga's data, not from a
        /// process's clock.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        /// Key by which messages find it, if it has one of its own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<SmolStr>,
    },
    /// Somebody has given the saga a signal, or a message.
    Signalled {
        /// Name of the signal, or type of the message.
        name: SmolStr,
        /// Id of the signal, or of the message.
        id: SmolStr,
        /// Key by which it found the saga, if it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<SmolStr>,
        /// Payload of the signal.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        payload: Value,
    },
    /// A step that waited is done, by a signal; committed together with its effects.
    Received {
        /// Path of the step.
        step: SmolStr,
        /// Id of the signal.
        signal: SmolStr,
        /// Output of the action.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        output: Value,
    },
    /// A conditional step does not apply.
    Skipped {
        /// Path of the step.
        step: SmolStr,
    },
    /// An action was refused for good.
    Rejected {
        /// Path of the step.
        step: SmolStr,
        /// Reason of the participant.
        reason: String,
        /// `true` if its participant had agreed before our own store refused, so that it must be undone.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        maybe_executed: bool,
    },
    /// An attempt failed; the next one waits. This is the stored timer, bound to step, direction and attempt.
    Retry {
        /// Path of the step.
        step: SmolStr,
        /// Direction of the attempt.
        direction: Direction,
        /// The attempt that failed.
        attempt: u32,
        /// Failure of the attempt.
        failure: AttemptFailure,
        /// Delay of the next attempt, in microseconds.
        delay_us: u64,
        /// Error of the attempt.
        error: String,
        /// `true` if the attempt ended in a panic: counted as a crash, and spends the budget although it leaves a doubt.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        panicked: bool,
        /// `true` if whoever was asked had agreed and our own part failed: that has a budget, although the step stays in doubt.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        own: bool,
    },
    /// The saga goes back.
    CompensationBegun {
        /// Cause of the compensation.
        cause: CompensationCause,
    },
    /// A compensation is done; committed together with its effects.
    Compensated {
        /// Path of the step.
        step: SmolStr,
        /// `true` if it was undone in doubt.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        maybe_executed: bool,
    },
    /// A compensation is given up until an operator resumes it.
    CompensationExhausted {
        /// Path of the step.
        step: SmolStr,
        /// Its last error.
        error: String,
    },
    /// All steps are done or skipped.
    Completed,
    /// All that was done is undone.
    RolledBack,
    /// The saga waits for an operator.
    Stuck {
        /// Reason why only an operator can help.
        reason: String,
    },
    /// An operator sets a stuck saga going again, with fresh budgets.
    Resumed,
    /// An operator skips a step, in the direction in which the saga goes: it counts as settled. Stored as `waived`, as it was first
    /// called.
    #[serde(rename = "waived")]
    SkippedByOperator {
        /// Path of the step.
        step: SmolStr,
        /// Reason that the operator gave.
        reason: String,
    },
    /// An operator ends the waits of all steps that are to be tried again.
    Hastened,
    /// An operator says what became of a step, as its participant or somebody's books tell.
    Settled {
        /// Path of the step.
        step: SmolStr,
        /// `true` if it was carried out.
        done: bool,
        /// Output of the action, if it was carried out.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        output: Value,
        /// Reason that the operator gave.
        reason: String,
    },
    /// A process left the saga to those who know its version, as one of an older release does during a rolling
    /// deployment. Written once, however often it is left; where nobody takes it up for long, the saga becomes stuck.
    LeftToNewer {
        /// The newest version that the process knows.
        newest: u32,
    },
    /// A process that knows the version took up a saga that others had left.
    TakenUp,
    /// The saga runs another version of its definition from here on.
    Migrated {
        /// Both versions, and the names that differ.
        #[serde(flatten)]
        passage: Passage,
        /// Keys by which messages find steps that waited without one: by their paths in the new version.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        keys: Vec<(SmolStr, SmolStr)>,
    },
    /// The clock by which the entries before were written was far ahead, and is right now: they are read as if it had been
    /// right, and all that counts from them goes on from here.
    ClockSetBack {
        /// Time by which the newest of them was ahead when the log was read, in microseconds.
        ahead_by_us: u64,
    },
    /// Stands for all entries before, which are forgotten: a saga that waits for long would fill its log.
    Condensed {
        /// State of the saga.
        summary: Box<Summary>,
    },
    /// An operator gives the saga up as it is.
    Abandoned {
        /// Reason that the operator gave.
        reason: String,
    },
    /// A tool that does not know the saga's definition asks for a verb of an operator. Whoever knows it answers when it reads
    /// the log next: requests in their order, each by one of the two records below.
    Requested(SagaRequest),
    /// The oldest request without an answer is granted. What it comes to stands before.
    Granted,
    /// The oldest request without an answer is declined: it changes nothing.
    Declined {
        /// Reason why it is not allowed.
        reason: String,
    },
}

impl Record {
    /// The record as stored.
    pub fn encode(&self) -> Bytes {
        // Strings, numbers and JSON text: there is nothing in a record that could have no JSON form.
        Bytes::from(serde_json::to_vec(self).expect("a record has only strings, numbers and JSON text"))
    }

    /// Reads a stored record.
    ///
    /// # Errors
    /// [`RecordError`] if it is not a record, with the place where it is not.
    pub fn decode(stored: &[u8]) -> Result<Self, RecordError> {
        from_json(stored).map_err(|error| RecordError::new(stored, &error))
    }
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
