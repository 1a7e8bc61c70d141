use async_trait::async_trait;

use super::StoreError;

/// A copy of all that was committed to a store at one moment, which the store can be put back to: what
/// [`Store::backup`](super::Store::backup) makes.
#[async_trait]
pub trait Backup: Send + Sync {
    /// Puts the store back to what it was when the copy was made: what was committed since is gone, and its counters - row
    /// numbers, sequences of messages, versions of documents - go back. The store is in another
    /// [epoch](crate::message::Message::epoch) from then on, so that what is staged now is not taken for what was sent
    /// before under the same sequence.
    ///
    /// Nobody may work on the store meanwhile: whoever had a transaction open finds it undone at best. It can be done again.
    ///
    /// # Errors
    /// Any [`StoreError`]; the store is then as it was, unless the outcome is unknown. Dropping the future leaves it as it
    /// was or as it is to be.
    async fn restore(&self) -> Result<(), StoreError>;
}
