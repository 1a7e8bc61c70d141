use crate::plan::Restart;

/// What a port call is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strike {
    Proceed,
    /// Only where a call can't wait by itself, see [`Door::enter_at_once`](super::Door::enter_at_once).
    Delay {
        ms: u32,
    },
    Conflict,
    Unavailable,
    Reject,
    LoseReply,
    LoseRequest,
    Duplicate {
        after_ms: u32,
    },
    DropAck,
    PartialBatch {
        accepted: u32,
    },
    CrashAfter(Restart),
}

impl Strike {
    /// Whether the caller won't hear of what it did.
    pub(crate) fn is_unheard(self) -> bool {
        matches!(self, Self::LoseReply | Self::CrashAfter(_))
    }
}

/// How far a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Over the network: it takes the plan's latency.
    Network,
    /// A statement in an open transaction: others may go first, but time stands still.
    Statement,
}
