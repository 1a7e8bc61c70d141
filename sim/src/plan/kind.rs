use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Disturbance, Point, Restart, Verdict};

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

impl Verdict {
    /// Its kind, for coverage.
    pub fn kind(self) -> FaultKind {
        match self {
            Self::Delay { .. } => FaultKind::Delay,
            Self::Conflict => FaultKind::Conflict,
            Self::Unavailable => FaultKind::Unavailable,
            Self::Reject => FaultKind::Reject,
            Self::LoseReply => FaultKind::LoseReply,
            Self::LoseRequest => FaultKind::LoseRequest,
            Self::Duplicate { .. } => FaultKind::Duplicate,
            Self::DropAck => FaultKind::DropAck,
            Self::PartialBatch { .. } => FaultKind::PartialBatch,
            Self::CrashBefore(_) => FaultKind::CrashBefore,
            Self::CrashAfter(_) => FaultKind::CrashAfter,
        }
    }
}

impl Disturbance {
    /// Its kind, for coverage.
    pub fn kind(&self) -> FaultKind {
        match self {
            Self::BrokerOutage => FaultKind::BrokerOutage,
            Self::StoreOutage { .. } => FaultKind::StoreOutage,
            Self::ExternalOutage { .. } => FaultKind::ExternalOutage,
            Self::Partition { .. } => FaultKind::Partition,
            Self::Pause { .. } => FaultKind::Pause,
            Self::SlowLink { .. } => FaultKind::SlowLink,
            Self::ClockSkew { .. } => FaultKind::ClockSkew,
        }
    }
}
