//! The sagas of a store: what is kept of each, its log, and what recovery and an operator ask for.

mod instance;
mod log;
mod request;

use std::time::Duration;

use async_trait::async_trait;

pub use instance::{DefinitionRef, NewSaga, SagaCreate, SagaInstance, SagaStatus};
pub use log::{LogEntry, SagaAddress, SagaAppend, SagaKey, SagaSignal};
pub use request::{AcquireRequest, ListedSaga, SagaListRequest};

use super::{Part, PurgeRequest, StoreError};
use crate::ids::SagaId;

/// A saga's log, inside a transaction. A store without this [part](Part::Sagas) refuses each call, as the defaults do.
#[async_trait]
#[expect(unused_variables, reason = "a store without the part looks at none of them")]
pub trait SagaWrites: Send {
    /// Creates a saga unless there is one for its definition name and key. Like [`InboxWrites::inbox_insert`], it
    /// waits for an open transaction that is creating the same one.
    ///
    /// [`InboxWrites::inbox_insert`]: super::InboxWrites::inbox_insert
    ///
    /// # Errors
    /// Only a failure of the store.
    async fn saga_create(&mut self, saga: &NewSaga) -> Result<SagaCreate, StoreError> {
        Err(Part::Sagas.refusal())
    }

    /// Appends to a saga's log. Epoch and length are checked against what is committed at commit, not against this
    /// transaction's snapshot, so that parallel steps of one saga do not fail each other.
    ///
    /// # Errors
    /// [`StoreError::Conflict`], here or at commit, if the epoch is not the saga's or the log has grown.
    async fn saga_append(&mut self, append: &SagaAppend) -> Result<(), StoreError> {
        Err(Part::Sagas.refusal())
    }

    /// Appends an entry from outside to the logs of the sagas that a signal is for, wherever they stand, unless they have
    /// ended. Their owners keep their leases, and find that the log has grown; sagas that sleep are due at once. Returns the
    /// sagas, in the order of their creation, as they were before: those that have ended are among them. It sees what is
    /// committed and what this transaction has written.
    ///
    /// # Errors
    /// [`StoreError::Conflict`], here or at commit, if one of the logs grows meanwhile, or the saga ends.
    async fn saga_signal(&mut self, signal: &SagaSignal) -> Result<Vec<SagaInstance>, StoreError> {
        Err(Part::Sagas.refusal())
    }
}

/// Ownership and reading of sagas: short transactions of their own. A store without this [part](Part::Sagas) refuses each
/// call, as the defaults do.
#[async_trait]
#[expect(unused_variables, reason = "a store without the part looks at none of them")]
pub trait SagaStore: Send + Sync {
    /// Takes over active sagas whose lease has ended and whose time has come: each gets the next epoch and a new lease,
    /// and writes of older epochs fail from then on. With `only`, a stuck saga is taken over too, and regardless of its
    /// `wake_at`, as an operator needs.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn acquire_sagas(&self, request: &AcquireRequest) -> Result<Vec<SagaInstance>, StoreError> {
        Err(Part::Sagas.refusal())
    }

    /// Extends the owner's lease. `false` if the epoch is not the saga's any more.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn renew_saga(&self, saga: SagaId, epoch: u64, lease: Duration) -> Result<bool, StoreError> {
        Err(Part::Sagas.refusal())
    }

    /// A saga by its id.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn saga(&self, id: SagaId) -> Result<Option<SagaInstance>, StoreError> {
        Err(Part::Sagas.refusal())
    }

    /// A saga by its definition's name and business key.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn saga_by_key(&self, definition: &str, key: &str) -> Result<Option<SagaInstance>, StoreError> {
        Err(Part::Sagas.refusal())
    }

    /// Returns sagas in the order in which they were created, one page of them. What it costs depends on how many sagas have
    /// the statuses that are asked for, and not on those that have ended and are not.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn sagas(&self, request: &SagaListRequest) -> Result<Vec<ListedSaga>, StoreError> {
        Err(Part::Sagas.refusal())
    }

    /// Returns up to `limit` entries of a saga's log, those after number `after`.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn saga_log(&self, id: SagaId, after: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        Err(Part::Sagas.refusal())
    }

    /// Deletes the logs of sagas that ended at least `request.older_than` ago, `request.limit` sagas at most. The saga
    /// itself stays, so that its business key stays taken. Returns how many sagas.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn purge_saga_logs(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        Err(Part::Sagas.refusal())
    }

    /// Deletes sagas that ended at least `request.older_than` ago and whose logs were purged, `request.limit` sagas at most:
    /// those that ended first. From then on nothing tells that they were there, and their business keys are free again.
    /// Returns how many.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn purge_sagas(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        Err(Part::Sagas.refusal())
    }
}
