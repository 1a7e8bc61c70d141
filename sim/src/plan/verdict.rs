use serde::{Deserialize, Serialize};

use super::Point;

/// What a fault does to the port call that it strikes. No fault means: proceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Verdict {
    /// Proceed, later: a slow statement, a slow commit, a slow network.
    Delay {
        /// How much later, in virtual milliseconds.
        ms: u32,
    },
    /// Refuse with a conflict; not applied.
    Conflict,
    /// Refuse as unavailable; not applied.
    Unavailable,
    /// Refuse for good: an unroutable or oversized message, a declined payment.
    Reject,
    /// Apply, but lose the reply: the caller sees `Unknown`.
    LoseReply,
    /// Lose the request: not applied, but the caller can't know and sees `Unknown`.
    LoseRequest,
    /// Apply, and have the effect happen once more later: the broker keeps a second copy, a request is repeated.
    Duplicate {
        /// When the copy turns up, in virtual milliseconds from now.
        after_ms: u32,
    },
    /// Drop the acknowledgement silently: the caller sees success, the broker never hears of it.
    DropAck,
    /// Of a batch, only the first `accepted` entries go through; the rest are throttled.
    PartialBatch {
        /// How many entries go through.
        accepted: u32,
    },
    /// The process dies before the call takes effect.
    CrashBefore(Restart),
    /// The process dies after the call took effect, before it hears of it.
    CrashAfter(Restart),
}

/// When a crashed process comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restart {
    /// After this many virtual milliseconds; zero is at once.
    pub after_ms: u32,
    /// Whether it comes back as the next release of its program.
    #[serde(default)]
    pub upgrade: bool,
}

impl Verdict {
    /// Whether a call at `point` can honour this verdict. A plan that asks for another is an error, never ignored.
    pub fn fits(self, point: Point) -> bool {
        match self {
            Self::Delay { .. } | Self::CrashBefore(_) | Self::CrashAfter(_) => true,
            Self::Conflict => matches!(
                point,
                Point::Write
                    | Point::Statement
                    | Point::Stage
                    | Point::Inbox
                    | Point::SagaLog
                    | Point::Commit
                    | Point::Claim
                    | Point::Settle
            ),
            Self::Unavailable => !matches!(point, Point::Request | Point::Reply),
            Self::Reject => matches!(point, Point::Publish | Point::External),
            Self::LoseReply | Self::LoseRequest => matches!(
                point,
                Point::Commit
                    | Point::Claim
                    | Point::Settle
                    | Point::Publish
                    | Point::Ack
                    | Point::Nack
                    | Point::External
                    | Point::Reply
            ),
            Self::Duplicate { .. } => matches!(point, Point::Publish | Point::Request),
            Self::DropAck => matches!(point, Point::Ack),
            Self::PartialBatch { .. } => matches!(point, Point::Publish),
        }
    }
}
