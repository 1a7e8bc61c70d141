use std::time::Duration;

use seaworthy_core::ids::{MessageId, OperationId, SagaId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Virtual microseconds since the start of the run.
pub type VirtualTime = u64;

/// A process of the scenario's topology, by its position; [`ProcessIndex::WORLD`] is the world itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProcessIndex(pub u16);

impl ProcessIndex {
    /// The world: the client, the fault plan, the end of the storm.
    pub const WORLD: Self = Self(u16::MAX);
}

/// A transaction, numbered over the whole run from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TxId(pub u64);

/// A piece of work, by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Work {
    /// The handling, or the delivery, of a message.
    Message(MessageId),
    /// A saga, with all its steps.
    Saga(SagaId),
    /// A call of an external service, by its idempotency key.
    Call(OperationId),
    /// The effect of an event on one of its subscribers.
    Event(MessageId),
}

impl Work {
    /// Returns its id.
    pub const fn id(self) -> Uuid {
        match self {
            Self::Message(MessageId(id))
            | Self::Event(MessageId(id))
            | Self::Saga(SagaId(id))
            | Self::Call(OperationId(id)) => id,
        }
    }
}

/// A span of virtual time as moments are counted.
pub(crate) fn micros(duration: Duration) -> VirtualTime {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
