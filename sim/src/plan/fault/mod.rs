//! Faults: at a call or over a span of time, and their kinds, one a file.

mod broker_outage;
mod cancel;
mod clock_skew;
mod conflict;
mod crash_after;
mod crash_before;
mod define;
mod delay;
mod display;
mod drop_ack;
mod duplicate;
mod endless_conflict;
mod endless_unavailable;
mod external_outage;
mod hang;
mod kind;
mod lose_reply;
mod lose_request;
mod numbers;
mod on_store;
mod partial_batch;
mod partition;
mod pause;
mod poison;
mod poison_call;
mod poison_publish;
mod registry;
mod reject;
mod restart;
mod restore;
mod rollout;
mod slow_link;
mod statement_error;
mod stop;
mod store_outage;
mod topic_outage;
mod unavailable;
mod unknown;
mod unroutable;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use smol_str::SmolStr;

use super::Point;

pub(crate) use hang::{HANG_MS, is_given_up_by_its_caller};
pub(crate) use kind::{Call, Edge, Target, Targets};
use kind::{
    CallKind, TimedKind, has_reply, is_lost_with_transaction, leads_to_more, leaves_something, waits_as_commit_does,
};
pub(crate) use numbers::{LONG_MS, SHORT_MS, smaller_numbers};
use numbers::{smaller, span};
pub(crate) use registry::Drawn;
pub use registry::{Disturbance, FaultKind, Verdict};
pub use restart::Restart;
pub use unknown::UnknownFault;

/// Fault of a plan: one thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Fault {
    /// At a counted port call.
    Call(CallFault),
    /// Over a span of virtual time.
    Timed(TimedFault),
}

/// The fields of both kinds of fault. Read in one go, so that an error says what is wrong with which field; trying one
/// kind after the other could only say that it is neither.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    process: Option<SmolStr>,
    point: Option<Point>,
    nth: Option<u32>,
    verdict: Option<Verdict>,
    from_ms: Option<u64>,
    to_ms: Option<u64>,
    what: Option<Disturbance>,
}

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Fields::deserialize(deserializer)? {
            Fields {
                process: Some(process),
                point: Some(point),
                nth: Some(nth),
                verdict: Some(verdict),
                from_ms: None,
                to_ms: None,
                what: None,
            } => Ok(Self::Call(CallFault { process, point, nth, verdict })),
            Fields {
                from_ms: Some(from_ms),
                to_ms: Some(to_ms),
                what: Some(what),
                process: None,
                point: None,
                nth: None,
                verdict: None,
            } => Ok(Self::Timed(TimedFault { from_ms, to_ms, what })),
            _ => {
                Err(D::Error::custom("a fault has either process, point, nth and verdict, or from_ms, to_ms and what"))
            }
        }
    }
}

/// A fault at a port call: countable, so that single faults can be enumerated and shrunk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallFault {
    /// The process that makes the call.
    pub process: SmolStr,
    /// Kind of call that it strikes.
    pub point: Point,
    /// The n-th call (from 1) of this kind by this process, over all its incarnations.
    pub nth: u32,
    /// Verdict for that call.
    pub verdict: Verdict,
}

/// A fault over a span of virtual time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimedFault {
    /// Time at which it begins, in virtual milliseconds of the run.
    pub from_ms: u64,
    /// Time at which it ends, which comes at most ten years after the workload's span. The end of the storm ends it
    /// too.
    pub to_ms: u64,
    /// Kind and target of the disturbance.
    pub what: Disturbance,
}

impl Fault {
    /// Returns its kind.
    pub fn kind(&self) -> FaultKind {
        match self {
            Self::Call(fault) => fault.verdict.kind(),
            Self::Timed(fault) => fault.what.kind(),
        }
    }

    /// Returns the point that it strikes, if it is one at a call.
    pub fn point(&self) -> Option<Point> {
        match self {
            Self::Call(fault) => Some(fault.point),
            Self::Timed(_) => None,
        }
    }

    /// Returns its target: of a fault at a call, the process that makes it.
    pub(crate) fn target(&self) -> Target {
        match self {
            Self::Call(fault) => Target::Process(fault.process.clone()),
            Self::Timed(fault) => fault.what.target(),
        }
    }
}
