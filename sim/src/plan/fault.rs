use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{Point, Verdict};

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Fault {
    /// At a counted port call.
    Call(CallFault),
    /// Over a span of virtual time.
    Timed(TimedFault),
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
    /// Until this one. The end of the storm ends it too.
    pub to_ms: u64,
    /// What it is.
    pub what: Disturbance,
}

/// What goes wrong over a span of time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
