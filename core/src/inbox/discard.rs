use tracing::{Instrument, info, info_span};

use crate::{
    ids::MessageId,
    ports::{DeadLetterRequest, InboxEntry, Store, StoreError},
};

/// Discards dead letters unhandled: an operator's decision, never a routine. Those of one call go in one transaction, so
/// either all that it returns are gone or none.
///
/// A message whose letter was discarded counts as handled: when it comes again it is a duplicate. Each is named in the log,
/// with the reason for which it was a dead letter, since nothing else tells of it any more.
///
/// ```
/// use seaworthy_core::{inbox, ports::{DeadLetterRequest, Store, StoreError}};
///
/// /// Nobody needs these any more.
/// async fn forget_reminders(store: &dyn Store) -> Result<(), StoreError> {
///     let reminders = DeadLetterRequest::new("mailing", 500).of_kind("reminder.due");
///     while inbox::discard(store, &reminders).await?.len() == 500 {}
///     Ok(())
/// }
/// ```
///
/// # Errors
/// Any [`StoreError`]. Nothing was discarded, except that after [`StoreError::Unknown`] it may have been; to repeat the call
/// is right in any case.
///
/// # Cancellation
/// A call that is dropped before its commit has discarded nothing. It has no limit of time of its own: whoever has one drops it, with
/// [`Clock::limit`](crate::ports::Clock::limit) beside it, and calls it again.
pub async fn discard(store: &dyn Store, letters: &DeadLetterRequest) -> Result<Vec<MessageId>, StoreError> {
    let work = async {
        let mut discarded = Vec::new();
        // Read before the transaction begins: reads may share its connection.
        let found = store.dead_letters(letters).await?;
        let mut tx = store.begin().await?;
        for letter in found {
            // Unless another operator was first.
            if tx.inbox_exhume(&InboxEntry::for_message(&letter.consumer, &letter.message)).await? {
                discarded.push(letter);
            }
        }
        if discarded.is_empty() {
            return Ok(Vec::new());
        }
        tx.commit().await?;
        for letter in &discarded {
            let message = &letter.message;
            info!(message = %message.id, kind = %message.kind, reason = %letter.reason, "dead letter is discarded");
        }
        Ok(discarded.into_iter().map(|letter| letter.message.id).collect())
    };
    work.instrument(info_span!("inbox.discard", consumer = %letters.consumer)).await
}
