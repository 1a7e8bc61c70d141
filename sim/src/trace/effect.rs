use std::sync::Arc;

use bytes::Bytes;
use seaworthy_core::{
    ids::{MessageId, OperationId, SagaId},
    message::Message,
    ports::{DefinitionRef, OperationState, RowChange, SagaStatus},
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// One thing that a transaction made true when it committed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Effect {
    /// A document was written, or deleted where the body is `None`.
    Document {
        /// Its collection.
        collection: SmolStr,
        /// Its id.
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
        /// By whom.
        consumer: SmolStr,
        /// Which.
        message: MessageId,
    },
    /// A failed attempt at a message was counted.
    Failed {
        /// By whom.
        consumer: SmolStr,
        /// Which.
        message: MessageId,
        /// Failures so far.
        failures: u32,
        /// What went wrong this time.
        error: SmolStr,
    },
    /// A message became a dead letter.
    Buried {
        /// By whom.
        consumer: SmolStr,
        /// Which.
        message: MessageId,
        /// Why.
        reason: SmolStr,
    },
    /// A dead letter was taken out again.
    Exhumed {
        /// By whom.
        consumer: SmolStr,
        /// Which.
        message: MessageId,
    },
    /// A saga was created.
    SagaCreated {
        /// Its id.
        saga: SagaId,
        /// What it runs.
        definition: DefinitionRef,
        /// Its business key.
        key: SmolStr,
    },
    /// A saga's log grew.
    SagaLogged {
        /// Which saga.
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
        /// Where it stands now.
        state: OperationState,
    },
    /// A consumer's checkpoint moved.
    Checkpoint {
        /// Whose.
        consumer: SmolStr,
        /// To where.
        position: u64,
    },
    /// A fact that the transaction noted (`Transaction::observe`).
    Observed {
        /// Which fact.
        fact: SmolStr,
        /// About what.
        subject: SmolStr,
        /// Its value.
        value: i64,
    },
    /// A reader of the log marked an outbox row as dispatched.
    Dispatched(MessageId),
    /// A reader of the log gave an outbox row up.
    GivenUp {
        /// Its message.
        message: MessageId,
        /// Why.
        reason: SmolStr,
    },
    /// A row of a declared table was written or deleted. One that is a message of a declared outbox or inbox is told as
    /// that instead.
    Row(RowChange),
    /// A declared table has more or fewer rows under a business key.
    Entry {
        /// The table.
        table: SmolStr,
        /// The business key.
        key: SmolStr,
        /// How many more, or fewer.
        rows: i64,
    },
    /// Terms of a declared sum changed.
    Amount {
        /// The sum's name.
        sum: SmolStr,
        /// By how much the sum is other than before: by nothing where its terms changed and it stands.
        by: i64,
    },
    /// A lock of a declared table was taken, or is free again.
    Lock {
        /// The table.
        table: SmolStr,
        /// The lock.
        name: SmolStr,
        /// Whether it is held now.
        held: bool,
    },
}
