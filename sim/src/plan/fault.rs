use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use smol_str::SmolStr;

use super::{Disturbance, FaultKind, Point, Verdict};

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(untagged)]
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
    /// Which kind of call.
    pub point: Point,
    /// The how-manyeth of that kind by that process, over all its incarnations, counted from 1.
    pub nth: u32,
    /// What happens to it.
    pub verdict: Verdict,
}

/// A fault over a span of virtual time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimedFault {
    /// From this virtual millisecond of the run.
    pub from_ms: u64,
    /// Until this one, which comes at most ten years after the workload's span. The end of the storm ends it too.
    pub to_ms: u64,
    /// What it is.
    pub what: Disturbance,
}

impl Fault {
    /// Its kind.
    pub fn kind(&self) -> FaultKind {
        match self {
            Self::Call(fault) => fault.verdict.kind(),
            Self::Timed(fault) => fault.what.kind(),
        }
    }
}
