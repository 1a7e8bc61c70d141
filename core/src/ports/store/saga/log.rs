use std::time::Duration;

use bytes::Bytes;
use smol_str::SmolStr;

use super::{DefinitionRef, SagaStatus};
use crate::{ids::SagaId, ports::Timestamp};

/// Entries to append to a saga's log, and what they make of the saga.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SagaAppend {
    /// Id of the saga.
    pub saga: SagaId,
    /// The appender's epoch.
    pub epoch: u64,
    /// The log length that the appender has seen.
    pub expected_length: u64,
    /// Encoded log entries.
    pub records: Vec<Bytes>,
    /// The saga's status after them.
    pub status: SagaStatus,
    /// The owner's lease from now on; zero gives the saga up.
    pub lease: Duration,
    /// Time from now before which nobody is to acquire it; zero for none, and [`Duration::MAX`] for a saga that waits until
    /// it is [signalled](super::SagaWrites::saga_signal).
    pub sleep: Duration,
    /// Another version of its definition, which it runs from now on; `None` for the one that it runs.
    pub definition: Option<DefinitionRef>,
    /// Forgets all entries that were there before: the first of `records` says what they came to.
    pub forgets: bool,
    /// Keys by which messages find the saga from now on, for as long as it is there; those that find it already still do.
    pub keys: Vec<SagaKey>,
    /// Rest to which the saga has come, encoded: its result, or the reason. Kept with the saga in place of what was kept
    /// before, also where it is `None`.
    pub outcome: Option<Bytes>,
}

/// Key of a user's own by which messages of one type find a saga.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SagaKey {
    /// Type of the messages, or name of the signals.
    pub name: SmolStr,
    /// Value by which both sides know each other, such as the number of an invoice.
    pub key: SmolStr,
}

/// Sagas that a signal is for.
///
/// Closed on purpose: every store finds sagas by each of them, and one more is one that the stores of today would not
/// find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SagaAddress {
    /// The saga of this id.
    Id(SagaId),
    /// All sagas of a definition that share a correlation id.
    Correlated {
        /// Name of the definition, of whichever version.
        definition: SmolStr,
        /// The correlation id.
        correlation_id: uuid::Uuid,
    },
    /// All sagas of a definition that are found by a key.
    Keyed {
        /// Name of the definition, of whichever version.
        definition: SmolStr,
        /// The key, and for what it is one.
        key: SagaKey,
    },
}

/// An entry from outside for the logs of sagas that may wait for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SagaSignal {
    /// Sagas that it is for.
    pub to: SagaAddress,
    /// The encoded log entry.
    pub record: Bytes,
}

/// One entry of a saga's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Number of the entry: `1`, `2`, `3` and so on without a gap. Where the earlier ones were forgotten, the first that
    /// is there has a later number.
    pub sequence: u64,
    /// The epoch of its writer.
    pub epoch: u64,
    /// Time at which it was written, by the store's clock.
    pub at: Timestamp,
    /// The encoded entry.
    pub record: Bytes,
}
