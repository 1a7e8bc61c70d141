use std::sync::Arc;

use bytes::Bytes;
use seaworthy_core::{
    ids::{MessageId, OperationId, SagaId},
    message::Message,
    ports::{DefinitionRef, OperationState, RowChange, SagaStatus},
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{SettledAs, Work};

/// One thing that a transaction made true when it committed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Effect {
    /// A document was written, or deleted where the body is `None`.
    Document {
        /// Collection of the document.
        collection: SmolStr,
        /// Id of the document.
        id: SmolStr,
        /// Its new version; `0` for a deletion.
        version: u64,
        /// Its new content.
        #[serde(with = "seaworthy_core::payload::optional")]
        body: Option<Bytes>,
    },
    /// A message was staged in the outbox.
    Staged(Arc<Message>),
    /// A message was inserted into the inbox: it counts as handled.
    Handled {
        /// Name of the consumer.
        consumer: SmolStr,
        /// Id of the message.
        message: MessageId,
    },
    /// A failed attempt at a message was counted.
    Failed {
        /// Name of the consumer.
        consumer: SmolStr,
        /// Id of the message.
        message: MessageId,
        /// Failures so far.
        failures: u32,
        /// Error of this attempt.
        error: SmolStr,
    },
    /// A message became a dead letter.
    Buried {
        /// Name of the consumer.
        consumer: SmolStr,
        /// Id of the message.
        message: MessageId,
        /// Reason for giving it up.
        reason: SmolStr,
    },
    /// A dead letter was taken out again.
    Exhumed {
        /// Name of the consumer.
        consumer: SmolStr,
        /// Id of the message.
        message: MessageId,
    },
    /// A saga was created.
    SagaCreated {
        /// Id of the saga.
        saga: SagaId,
        /// Definition that it runs.
        definition: DefinitionRef,
        /// Its business key.
        key: SmolStr,
    },
    /// A saga's log grew.
    SagaLogged {
        /// Id of the saga.
        saga: SagaId,
        /// The writer's epoch.
        epoch: u64,
        /// The log's length before.
        length: u64,
        /// The encoded records (`seaworthy_core::saga::Record`).
        #[serde(with = "seaworthy_core::payload::list")]
        records: Vec<Bytes>,
        /// The saga's status after them.
        status: SagaStatus,
    },
    /// A participant's operation was written.
    Operation {
        /// The action's operation id.
        id: OperationId,
        /// State of the operation from now on.
        state: OperationState,
    },
    /// A consumer's checkpoint moved.
    Checkpoint {
        /// Name of the consumer.
        consumer: SmolStr,
        /// Position of the checkpoint from now on.
        position: u64,
    },
    /// A fact that the transaction noted (`Transaction::observe`).
    Observed {
        /// Name of the fact.
        fact: SmolStr,
        /// Subject of the fact.
        subject: SmolStr,
        /// Value of the fact.
        value: i64,
    },
    /// A reader of the log marked an outbox row as dispatched.
    Dispatched(MessageId),
    /// A reader of the log gave an outbox row up.
    GivenUp {
        /// Id of its message.
        message: MessageId,
        /// Reason for giving it up.
        reason: SmolStr,
    },
    /// A row of a declared table was written or deleted. One that is a message of a declared outbox or inbox is told as
    /// that instead.
    Row(RowChange),
    /// A declared table has more or fewer rows under a business key.
    Entry {
        /// Name of the table.
        table: SmolStr,
        /// The business key.
        key: SmolStr,
        /// Number of rows that are added or, if negative, removed.
        rows: i64,
    },
    /// Terms of a declared sum changed.
    Amount {
        /// The sum's name.
        sum: SmolStr,
        /// Amount by which the sum changes: zero where its terms changed and it stands.
        by: i64,
    },
    /// A lock of a declared table was taken, or is free again.
    Lock {
        /// Name of the table.
        table: SmolStr,
        /// Name of the lock.
        name: SmolStr,
        /// `true` if it is held now.
        held: bool,
    },
    /// An event was appended to a stream.
    Appended {
        /// Name of the stream.
        stream: SmolStr,
        /// Version of the stream at this event.
        version: u64,
        /// Its place among all events of the store.
        position: u64,
        /// The event, as whoever appended it has made it.
        event: Arc<Message>,
    },
    /// A snapshot of a stream is kept from now on, in place of an earlier one.
    Snapshot {
        /// Name of the stream.
        stream: SmolStr,
        /// Version of the last event that is in it.
        version: u64,
    },
}

impl Effect {
    /// Returns the message, saga or operation that it is about, if it is about one.
    pub fn about(&self) -> Option<Work> {
        Some(match self {
            Self::Staged(message) | Self::Appended { event: message, .. } => Work::Message(message.id),
            Self::Handled { message, .. }
            | Self::Failed { message, .. }
            | Self::Buried { message, .. }
            | Self::Exhumed { message, .. }
            | Self::Dispatched(message)
            | Self::GivenUp { message, .. } => Work::Message(*message),
            Self::SagaCreated { saga, .. } | Self::SagaLogged { saga, .. } => Work::Saga(*saga),
            Self::Operation { id, .. } => Work::Call(*id),
            Self::Document { .. }
            | Self::Checkpoint { .. }
            | Self::Observed { .. }
            | Self::Row(_)
            | Self::Entry { .. }
            | Self::Amount { .. }
            | Self::Lock { .. }
            | Self::Snapshot { .. } => return None,
        })
    }

    /// Returns the message that counts as handled from now on, and by which consumer. A dead letter that is taken out again
    /// is handled in that very transaction.
    pub fn handles(&self) -> Option<(&SmolStr, MessageId)> {
        match self {
            Self::Handled { consumer, message } | Self::Exhumed { consumer, message } => Some((consumer, *message)),
            _ => None,
        }
    }

    /// Returns the message whose consumer is done with it: it counts as handled, or is a dead letter.
    pub fn concludes(&self) -> Option<(&SmolStr, MessageId)> {
        match self {
            Self::Buried { consumer, message, .. } => Some((consumer, *message)),
            effect => effect.handles(),
        }
    }

    /// Returns the message whose outbox row a reader of the log has settled, and as what.
    pub fn settles(&self) -> Option<(MessageId, SettledAs)> {
        match self {
            Self::Dispatched(message) => Some((*message, SettledAs::Dispatched)),
            Self::GivenUp { message, .. } => Some((*message, SettledAs::Dead)),
            _ => None,
        }
    }
}
