use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Part, PurgeRequest, StoreError};
use crate::ids::OperationId;

/// Knowledge of a participant about one operation.
///
/// Closed on purpose: a store keeps both, and a participant that takes one for the other acts twice, or never.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    /// Carried out, with this answer.
    Executed(#[serde(with = "crate::payload")] Bytes),
    /// Carried out and compensated, or compensated before it ever ran (a tombstone): it must not run any more.
    Compensated,
}

/// One operation of a participant. `id` is the id of the action, for its compensation too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationRecord {
    /// The action's operation id.
    pub id: OperationId,
    /// State of the operation.
    pub state: OperationState,
}

/// Operations of a participant, written together with their effect. A store without this [part](Part::Operations) refuses
/// each call, as the defaults do.
#[async_trait]
#[expect(unused_variables, reason = "a store without the part looks at none of them")]
pub trait Participants: Send {
    /// Reads an operation.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn operation(&mut self, id: OperationId) -> Result<Option<OperationState>, StoreError> {
        Err(Part::Operations.refusal())
    }

    /// Writes an operation. An executed one may become compensated; nothing else may change.
    ///
    /// # Errors
    /// [`StoreError::Conflict`], here or at commit, if another transaction wrote it since this one began.
    async fn put_operation(&mut self, record: &OperationRecord) -> Result<(), StoreError> {
        Err(Part::Operations.refusal())
    }
}

/// Upkeep of operations: a short transaction of its own. A store without this [part](Part::Operations) refuses the call, as
/// the default does.
#[async_trait]
#[expect(unused_variables, reason = "a store without the part looks at none of it")]
pub trait OperationStore: Send + Sync {
    /// Forgets operations that were written last at least `request.older_than` ago, answers and tombstones alike, those
    /// written first and `request.limit` of them at most. Who asks for one of them again carries it out a second time. Returns
    /// how many.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn purge_operations(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        Err(Part::Operations.refusal())
    }
}
