//! The inbox of a store: which messages its consumers have seen, and their dead letters.

mod entry;
mod letter;
mod purge;

use async_trait::async_trait;

pub use entry::{InboxEntry, InboxInsert, Seen};
pub use letter::{DeadLetter, DeadLetterRequest};
pub use purge::InboxPurgeRequest;

use super::{Part, StoreError};
use crate::{ids::MessageId, message::Message};

/// Deduplication, inside the handler's transaction. A store without this [part](Part::Inbox) refuses each call, as the
/// defaults do.
#[async_trait]
#[expect(unused_variables, reason = "a store without the part looks at none of them")]
pub trait InboxWrites: Send {
    /// Inserts the row of a message, unless it is there. Where another open transaction has inserted it, this waits
    /// for that one: it is a duplicate if that one commits, the first if it rolls back.
    ///
    /// A message at or below the watermark of its source, epoch and key is a duplicate by its
    /// [watermark](Seen::Watermark): its row was purged. A message without a sequence (`0`) has no place in its source's order, so no watermark applies to it. A message that failed
    /// before is never treated as a duplicate, or it would be lost.
    ///
    /// # Errors
    /// Only a failure of the store; a duplicate is not an error.
    async fn inbox_insert(&mut self, entry: &InboxEntry) -> Result<InboxInsert, StoreError> {
        Err(Part::Inbox.refusal())
    }

    /// Counts a failed attempt and returns how many there are now. The count is as old as its latest failure. It belongs into a transaction of its own, since the
    /// handler's was rolled back. For a message that was handled or buried meanwhile nothing is kept, and the answer is `1`;
    /// so for one without a row that is at or below the [watermark](Seen::Watermark), or its failure would hide that it was
    /// handled.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn inbox_failed(&mut self, entry: &InboxEntry, error: &str) -> Result<u32, StoreError> {
        Err(Part::Inbox.refusal())
    }

    /// Buries a message: keeps it whole as a dead letter, behind all others, and marks it as seen. One whose letter this
    /// transaction has [taken out](InboxWrites::inbox_exhume) has failed once more than that letter says.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it was handled meanwhile.
    async fn inbox_bury(&mut self, entry: &InboxEntry, message: &Message, reason: &str) -> Result<(), StoreError> {
        Err(Part::Inbox.refusal())
    }

    /// Takes a dead letter out again, so that it can be handled in this transaction: its row counts as inserted here.
    /// Returns `false` if there is none.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn inbox_exhume(&mut self, entry: &InboxEntry) -> Result<bool, StoreError> {
        Err(Part::Inbox.refusal())
    }
}

/// Upkeep of the inbox: short transactions of their own. A store without this [part](Part::Inbox) refuses each call, as the
/// defaults do.
#[async_trait]
#[expect(unused_variables, reason = "a store without the part looks at none of them")]
pub trait InboxStore: Send + Sync {
    /// A consumer's dead letters by their [places](DeadLetter::number), which is the order in which they were buried. One that
    /// can't be read is [among them](DeadLetter::unreadable), as far as it is known, and hides no other.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn dead_letters(&self, request: &DeadLetterRequest) -> Result<Vec<DeadLetter>, StoreError> {
        Err(Part::Inbox.refusal())
    }

    /// Notes of dead letters that somebody asks for them to be handled again, by a consumer that
    /// [looks for such requests](crate::inbox::ConsumerConfig::redrive_requests): those that are asked for, the oldest first. The
    /// note stays with a letter until it is taken out, and so does the time of the first one. Returns their messages, of those as
    /// well that had a note. A letter that [can't be read](DeadLetter::unreadable) gets none. For an operator: [`inbox::ask_redrive`](crate::inbox::ask_redrive).
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn ask_redrive(&self, request: &DeadLetterRequest) -> Result<Vec<MessageId>, StoreError> {
        Err(Part::Inbox.refusal())
    }

    /// Deletes rows of handled messages and raises the watermark of their source, epoch and key past them. Dead letters stay.
    /// Before that it deletes watermarks that nothing has raised for as long as the request says, and after it the rows of messages
    /// that have failed, were neither handled nor buried, and have not failed again for as long as the request says: these raise no
    /// watermark. Returns how many rows and watermarks.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn purge_inbox(&self, consumer: &str, request: &InboxPurgeRequest) -> Result<u64, StoreError> {
        Err(Part::Inbox.refusal())
    }
}
