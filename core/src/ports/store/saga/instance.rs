use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::{ids::SagaId, ports::Timestamp};

/// Name and version of the definition that a saga runs, pinned when it starts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DefinitionRef {
    /// The definition's name.
    pub name: SmolStr,
    /// Version of the definition.
    pub version: u32,
    /// A hash of its structure, so that a change without a new version is noticed.
    pub hash: u64,
}

/// Status of a saga, as far as the store has to know.
///
/// Closed on purpose: every store keeps each of them, and whoever shows sagas has a word for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SagaStatus {
    /// The saga goes forward.
    Running,
    /// The saga goes back.
    Compensating,
    /// Waits for an operator.
    Stuck,
    /// The saga has ended: all steps are done or skipped.
    Completed,
    /// The saga has ended: all that was done is undone.
    Compensated,
    /// Given up by an operator.
    Abandoned,
}

impl SagaStatus {
    /// Every status, in the order of a saga's life.
    pub const ALL: [Self; 6] =
        [Self::Running, Self::Compensating, Self::Stuck, Self::Completed, Self::Compensated, Self::Abandoned];

    /// Returns its name, in one word: `running`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Compensating => "compensating",
            Self::Stuck => "stuck",
            Self::Completed => "completed",
            Self::Compensated => "compensated",
            Self::Abandoned => "abandoned",
        }
    }

    /// Returns `true` for a status that never changes again.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Compensated | Self::Abandoned)
    }

    /// Returns `true` if the saga moves by itself.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Running | Self::Compensating)
    }
}

/// A saga to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSaga {
    /// Id of the saga.
    pub id: SagaId,
    /// Definition that it runs.
    pub definition: DefinitionRef,
    /// Business key: one saga for each definition name and key.
    pub key: SmolStr,
    /// Input of the saga, encoded.
    pub input: Bytes,
    /// Shared by all messages of this saga.
    pub correlation_id: uuid::Uuid,
    /// Duration for which the creator owns it, by the store's clock. It starts at epoch 1.
    pub lease: Duration,
}

/// Result of creating a saga.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SagaCreate {
    /// It is new, and owned by the creator at epoch 1.
    Created,
    /// There is one for this key, as it was created: whoever asks compares.
    Exists {
        /// Id of the saga.
        saga: SagaId,
        /// Its input, encoded.
        input: Bytes,
    },
}

/// A saga as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SagaInstance {
    /// Id of the saga.
    pub id: SagaId,
    /// Definition that it runs.
    pub definition: DefinitionRef,
    /// Business key of the saga.
    pub key: SmolStr,
    /// Input of the saga, encoded.
    pub input: Bytes,
    /// Shared by all messages of this saga.
    pub correlation_id: uuid::Uuid,
    /// Status of the saga.
    pub status: SagaStatus,
    /// The owner's epoch: a takeover makes it one more.
    pub epoch: u64,
    /// Number of log entries; the next one has this number plus one.
    pub log_length: u64,
    /// The owner's lease, by the store's clock.
    pub lease_until: Timestamp,
    /// Earliest time at which it may be acquired, by the store's clock; [`Timestamp::MAX`] if it waits for a signal.
    pub wake_at: Timestamp,
    /// Rest to which it came, as its last append said; it outlasts the log.
    pub outcome: Option<Bytes>,
}

impl SagaInstance {
    /// Returns `true` if it is under way, but owned by nobody and not due at `now` of the store's clock.
    pub fn is_asleep(&self, now: Timestamp) -> bool {
        self.status.is_active() && self.lease_until <= now && now < self.wake_at
    }

    /// Returns the reason for which it is stuck, was given up or turned back, as whoever brought it there has put it. `None` for
    /// one that is under way or has completed, that turned back without anybody's word - by its deadline - or that came to
    /// rest under a release which kept no reason.
    pub fn reason(&self) -> Option<SmolStr> {
        /// Outcomes are an object with one member, by the name of their status.
        #[derive(Deserialize)]
        struct Kept {
            #[serde(default)]
            reason: Option<SmolStr>,
        }
        let mut kept: BTreeMap<SmolStr, Kept> = serde_json::from_slice(self.outcome.as_ref()?).ok()?;
        // A release that kept none may have moved the saga since.
        kept.remove(self.status.name())?.reason
    }
}
