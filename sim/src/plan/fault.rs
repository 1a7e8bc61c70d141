use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use smol_str::SmolStr;

use super::{Point, Restart, Verdict};

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

/// What goes wrong over a span of time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Disturbance {
    /// The broker answers nobody.
    BrokerOutage,
    /// One store answers nobody.
    StoreOutage {
        /// Which.
        store: SmolStr,
    },
    /// One external service answers nobody.
    ExternalOutage {
        /// Which.
        service: SmolStr,
    },
    /// One process can't reach the broker.
    Partition {
        /// Which.
        process: SmolStr,
    },
    /// One process stands still and then goes on as if nothing had been.
    Pause {
        /// Which.
        process: SmolStr,
    },
    /// One process's port calls take longer.
    SlowLink {
        /// Which.
        process: SmolStr,
        /// By how much each, in virtual milliseconds.
        extra_ms: u32,
    },
    /// One process's clock is wrong; a negative offset makes it step back when the fault begins.
    ClockSkew {
        /// Which.
        process: SmolStr,
        /// By how much, in milliseconds.
        offset_ms: i64,
    },
}

/// Faults by kind, for coverage: every verdict and every disturbance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// [`Verdict::Delay`]
    Delay,
    /// [`Verdict::Conflict`]
    Conflict,
    /// [`Verdict::Unavailable`]
    Unavailable,
    /// [`Verdict::Reject`]
    Reject,
    /// [`Verdict::LoseReply`]
    LoseReply,
    /// [`Verdict::LoseRequest`]
    LoseRequest,
    /// [`Verdict::Duplicate`]
    Duplicate,
    /// [`Verdict::DropAck`]
    DropAck,
    /// [`Verdict::PartialBatch`]
    PartialBatch,
    /// [`Verdict::CrashBefore`]
    CrashBefore,
    /// [`Verdict::CrashAfter`]
    CrashAfter,
    /// [`Disturbance::BrokerOutage`]
    BrokerOutage,
    /// [`Disturbance::StoreOutage`]
    StoreOutage,
    /// [`Disturbance::ExternalOutage`]
    ExternalOutage,
    /// [`Disturbance::Partition`]
    Partition,
    /// [`Disturbance::Pause`]
    Pause,
    /// [`Disturbance::SlowLink`]
    SlowLink,
    /// [`Disturbance::ClockSkew`]
    ClockSkew,
}

impl FaultKind {
    /// All kinds, in the order of their declaration.
    pub const ALL: [Self; 18] = [
        Self::Delay,
        Self::Conflict,
        Self::Unavailable,
        Self::Reject,
        Self::LoseReply,
        Self::LoseRequest,
        Self::Duplicate,
        Self::DropAck,
        Self::PartialBatch,
        Self::CrashBefore,
        Self::CrashAfter,
        Self::BrokerOutage,
        Self::StoreOutage,
        Self::ExternalOutage,
        Self::Partition,
        Self::Pause,
        Self::SlowLink,
        Self::ClockSkew,
    ];

    /// Its name as written in plans and campaigns.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delay => "delay",
            Self::Conflict => "conflict",
            Self::Unavailable => "unavailable",
            Self::Reject => "reject",
            Self::LoseReply => "lose_reply",
            Self::LoseRequest => "lose_request",
            Self::Duplicate => "duplicate",
            Self::DropAck => "drop_ack",
            Self::PartialBatch => "partial_batch",
            Self::CrashBefore => "crash_before",
            Self::CrashAfter => "crash_after",
            Self::BrokerOutage => "broker_outage",
            Self::StoreOutage => "store_outage",
            Self::ExternalOutage => "external_outage",
            Self::Partition => "partition",
            Self::Pause => "pause",
            Self::SlowLink => "slow_link",
            Self::ClockSkew => "clock_skew",
        }
    }

    /// Whether a call at `point` can meet a fault of this kind. A kind of which no such call is ever made can't strike.
    pub fn meets(self, point: Point) -> bool {
        let restart = Restart { after_ms: 0, upgrade: false };
        match self {
            Self::Delay => Verdict::Delay { ms: 0 }.fits(point),
            Self::Conflict => Verdict::Conflict.fits(point),
            Self::Unavailable => Verdict::Unavailable.fits(point),
            Self::Reject => Verdict::Reject.fits(point),
            Self::LoseReply => Verdict::LoseReply.fits(point),
            Self::LoseRequest => Verdict::LoseRequest.fits(point),
            Self::Duplicate => Verdict::Duplicate { after_ms: 0 }.fits(point),
            Self::DropAck => Verdict::DropAck.fits(point),
            Self::PartialBatch => Verdict::PartialBatch { accepted: 0 }.fits(point),
            Self::CrashBefore => Verdict::CrashBefore(restart).fits(point),
            Self::CrashAfter => Verdict::CrashAfter(restart).fits(point),
            Self::BrokerOutage | Self::Partition => point.is_broker(),
            Self::StoreOutage => point.is_store(),
            Self::ExternalOutage => point == Point::External,
            Self::Pause | Self::SlowLink | Self::ClockSkew => true,
        }
    }
}

/// A kind of fault of a name that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown fault {found:?}: use one of {}", FaultKind::ALL.map(FaultKind::name).join(", "))]
pub struct UnknownFault {
    /// What was asked for.
    pub found: String,
}

impl FromStr for FaultKind {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|kind| kind.name() == text);
        known.ok_or_else(|| UnknownFault { found: text.to_owned() })
    }
}

impl Fault {
    /// Its kind.
    pub fn kind(&self) -> FaultKind {
        match self {
            Self::Call(fault) => fault.verdict.kind(),
            Self::Timed(fault) => match fault.what {
                Disturbance::BrokerOutage => FaultKind::BrokerOutage,
                Disturbance::StoreOutage { .. } => FaultKind::StoreOutage,
                Disturbance::ExternalOutage { .. } => FaultKind::ExternalOutage,
                Disturbance::Partition { .. } => FaultKind::Partition,
                Disturbance::Pause { .. } => FaultKind::Pause,
                Disturbance::SlowLink { .. } => FaultKind::SlowLink,
                Disturbance::ClockSkew { .. } => FaultKind::ClockSkew,
            },
        }
    }
}
