use async_trait::async_trait;

use super::{Part, StoreError};

/// Positions up to which consumers of a log have read, each written together with its effect. A store without this
/// [part](Part::Checkpoints) refuses each call, as the defaults do.
#[async_trait]
#[expect(unused_variables, reason = "a store without the part looks at none of them")]
pub trait Checkpoints: Send {
    /// Returns the position up to which a consumer has read: its own row, written together with its effect. `None`
    /// before the first time.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn checkpoint(&mut self, consumer: &str) -> Result<Option<u64>, StoreError> {
        Err(Part::Checkpoints.refusal())
    }

    /// Moves a consumer's checkpoint.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it was moved by another transaction meanwhile, or if `position` lies before the
    /// stored one.
    async fn set_checkpoint(&mut self, consumer: &str, position: u64) -> Result<(), StoreError> {
        Err(Part::Checkpoints.refusal())
    }
}
