//! A log's records in words, for whoever reads a log.

use std::{fmt, time::Duration};

use super::{AttemptFailure, CompensationCause, Record};
use crate::ids::Direction;

/// A sentence without its end: `step `pay` failed (attempt 3): it is down; the next attempt follows after 4s`.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { deadline_us: None, .. } => f.write_str("the saga is started"),
            Self::Started { deadline_us: Some(deadline), .. } => {
                write!(f, "the saga is started, and turns back after {:?}", Duration::from_micros(*deadline))
            }
            Self::Caused { message, .. } => write!(f, "message {message} has started it"),
            Self::Attempting { step, attempt } => {
                write!(f, "attempt {attempt} of step `{step}` begins: somebody is asked")
            }
            Self::Announced { step, direction, attempt } => {
                write!(f, "attempt {attempt} of {} begins", Of(step, *direction))
            }
            Self::Done { step, output } if output.is_null() => write!(f, "step `{step}` is done"),
            Self::Done { step, output } => write!(f, "step `{step}` is done: {}", output.as_json()),
            Self::Waiting { step, signal: Some(signal), .. } => {
                write!(f, "step `{step}` begins to wait for `{signal}`")
            }
            Self::Waiting { step, .. } => write!(f, "step `{step}` begins to wait for its moment"),
            Self::Signalled { name, id, .. } => write!(f, "signal `{name}` has come, {id}"),
            Self::Received { step, signal, .. } => write!(f, "step `{step}` is done: it has got signal {signal}"),
            Self::Skipped { step } => write!(f, "step `{step}` does not apply"),
            Self::Rejected { step, reason, maybe_executed } => {
                let doubt = if *maybe_executed { ", and is undone all the same" } else { "" };
                write!(f, "step `{step}` is refused for good{doubt}: {reason}")
            }
            Self::Retry { step, direction, attempt, failure, delay_us, error, panicked, .. } => {
                let how = match failure {
                    _ if *panicked => "ended in a panic",
                    AttemptFailure::Transient => "failed",
                    AttemptFailure::Unknown => "has an outcome that nobody knows",
                };
                let delay = Duration::from_micros(*delay_us);
                write!(
                    f,
                    "attempt {attempt} of {} {how}: {error}; the next one follows after {delay:?}",
                    Of(step, *direction)
                )
            }
            Self::CompensationBegun { cause } => {
                let cause = match cause {
                    CompensationCause::Rejected => "a step is refused",
                    CompensationCause::Deadline => "its time is over",
                    CompensationCause::Cancelled => "an operator cancels it",
                };
                write!(f, "the saga turns back: {cause}")
            }
            Self::Compensated { step, maybe_executed } => {
                let doubt = if *maybe_executed { ", whether or not it was done" } else { "" };
                write!(f, "step `{step}` is undone{doubt}")
            }
            Self::CompensationExhausted { step, error } => {
                write!(f, "the compensation of step `{step}` is given up: {error}")
            }
            Self::Completed => f.write_str("the saga is completed"),
            Self::RolledBack => f.write_str("all is undone: the saga is compensated"),
            Self::Stuck { reason } => write!(f, "the saga is stuck: {reason}"),
            Self::Resumed => f.write_str("an operator sets the saga going again"),
            Self::SkippedByOperator { step, reason } => write!(f, "an operator skips step `{step}`: {reason}"),
            Self::Hastened => f.write_str("an operator has what failed tried again at once"),
            Self::Settled { step, done: true, output, reason } => {
                write!(f, "an operator takes step `{step}` as done, with {}: {reason}", output.as_json())
            }
            Self::Settled { step, reason, .. } => write!(f, "an operator takes step `{step}` as not done: {reason}"),
            Self::LeftToNewer { newest } => {
                write!(f, "a process leaves the saga to those who know its version: it knows up to {newest}")
            }
            Self::TakenUp => f.write_str("a process that knows the version takes the saga up"),
            Self::Migrated { passage, .. } => {
                write!(f, "the saga goes from version {} to {}", passage.from, passage.to)
            }
            Self::ClockSetBack { ahead_by_us } => {
                let ahead_by = Duration::from_micros(*ahead_by_us);
                write!(f, "what came before was written by a clock that was {ahead_by:?} ahead, and counts from here")
            }
            Self::Condensed { .. } => f.write_str("what came before is forgotten, but for what it came to"),
            Self::Abandoned { reason } => write!(f, "an operator gives the saga up: {reason}"),
            Self::Requested(request) => write!(f, "an operator asks: {request}"),
            Self::Granted => f.write_str("what an operator asks for is granted"),
            Self::Declined { reason } => write!(f, "what an operator asks for is declined: {reason}"),
        }
    }
}

/// A step in a direction.
struct Of<'a>(&'a str, Direction);

impl fmt::Display for Of<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Direction::Action => write!(f, "step `{}`", self.0),
            Direction::Compensation => write!(f, "the compensation of step `{}`", self.0),
        }
    }
}
