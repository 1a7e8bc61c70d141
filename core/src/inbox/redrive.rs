use std::pin::pin;

use smol_str::{ToSmolStr as _, format_smolstr};
use tracing::{Instrument, info_span, warn};

use super::{Consumer, HandlerError, handler::Route};
use crate::{
    ids::MessageId,
    message::Message,
    ports::{DeadLetter, InboxEntry, StoreError, caught},
};

/// Report of a redrive: dead letters that were handled again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redriven {
    /// Handled: these are dead letters no more.
    pub handled: Vec<MessageId>,
    /// Failed again, with the reason: these stay dead letters.
    pub failed: Vec<(MessageId, String)>,
}

impl Consumer {
    /// Handles this consumer's dead letters again: each is taken out and handled in one transaction, so it is either
    /// handled or still there. Takes at most `limit` of them, oldest first: those that `only` names, wherever they lie, or
    /// any.
    ///
    /// Messages of the same key that came later were handled meanwhile: a handler must expect to see an old one.
    ///
    /// # Errors
    /// [`StoreError`] if the dead letters can't be read. A letter that fails does not stop the others.
    pub async fn redrive(&self, only: Option<&[MessageId]>, limit: usize) -> Result<Redriven, StoreError> {
        let mut redriven = Redriven::default();
        for letter in self.letters(only, limit).await? {
            let message = &letter.message;
            let span = info_span!("inbox.redrive", consumer = %self.name, message = %message.id, kind = %message.kind);
            let exhumed = caught(self.scopes.as_deref(), pin!(self.exhume(message))).instrument(span).await;
            let exhumed = exhumed.unwrap_or_else(|panicked| Err(HandlerError::Unavailable(panicked.to_smolstr())));
            match exhumed {
                Ok(true) => redriven.handled.push(message.id),
                // Another operator was first.
                Ok(false) => {}
                Err(error) => {
                    warn!(consumer = %self.name, message = %message.id, %error, "dead letter failed again");
                    redriven.failed.push((message.id, error.to_string()));
                }
            }
        }
        Ok(redriven)
    }

    /// Dead letters to handle again.
    async fn letters(&self, only: Option<&[MessageId]>, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        let Some(only) = only else { return self.store.dead_letters(&self.name, limit).await };
        let mut look = limit.max(only.len()).max(1);
        loop {
            let mut letters = self.store.dead_letters(&self.name, look).await?;
            let are_all = letters.len() < look;
            letters.retain(|letter| only.contains(&letter.message.id));
            if are_all || letters.len() >= limit.min(only.len()) {
                letters.truncate(limit);
                return Ok(letters);
            }
            // They may lie behind many that nobody has named.
            look = look.saturating_mul(4);
        }
    }

    async fn exhume(&self, message: &Message) -> Result<bool, HandlerError> {
        let Some(Route::Handle(handler)) = self.handlers.route(&message.kind) else {
            return Err(HandlerError::Refused(format_smolstr!("no handler for messages of type {}", message.kind)));
        };
        let mut tx = self.store.begin().await?;
        if !tx.inbox_exhume(&InboxEntry::for_message(&self.name, message)).await? {
            return Ok(false);
        }
        self.handle(&**handler, &mut *tx, message).await?;
        tx.commit().await?;
        if let Some(wake) = &self.wake {
            wake.hint();
        }
        Ok(true)
    }
}
