use std::pin::pin;

use smol_str::{ToSmolStr as _, format_smolstr};
use tracing::{Instrument, info_span, warn};

use super::{Consumer, HandlerError, handler::Route};
use crate::{
    cut::cut,
    ids::MessageId,
    message::Message,
    ports::{DeadLetterRequest, InboxEntry, StoreError, caught},
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
    /// any. One that fails again is put behind the others, with one failure more and the new reason: the next call goes on
    /// with those that were not tried.
    ///
    /// Messages of the same key that came later were handled meanwhile: a handler must expect to see an old one.
    ///
    /// # Errors
    /// [`StoreError`] if the dead letters can't be read. A letter that fails does not stop the others.
    pub async fn redrive(&self, only: Option<&[MessageId]>, limit: usize) -> Result<Redriven, StoreError> {
        let mut redriven = Redriven::default();
        let mut request = DeadLetterRequest::new(self.name.clone(), limit);
        request.only = only.map(Into::into);
        for letter in self.store.dead_letters(&request).await? {
            let message = &letter.message;
            let span = info_span!("inbox.redrive", consumer = %self.name, message = %message.id, kind = %message.kind);
            let exhumed = caught(self.scopes.as_deref(), pin!(self.exhume(message))).instrument(span).await;
            let exhumed = exhumed.unwrap_or_else(|panicked| Err(HandlerError::Unavailable(panicked.to_smolstr())));
            match exhumed {
                Ok(true) => redriven.handled.push(message.id),
                // Another operator was first.
                Ok(false) => {}
                Err(error) => {
                    let why = cut(error.to_string());
                    warn!(consumer = %self.name, message = %message.id, error = %why, "dead letter failed again");
                    if let Err(error) = self.put_back(message, &why).await {
                        warn!(consumer = %self.name, message = %message.id, %error, "dead letter stays where it is");
                    }
                    redriven.failed.push((message.id, why));
                }
            }
        }
        Ok(redriven)
    }

    /// Puts a letter that has failed again behind the others, or it would stand in their way.
    async fn put_back(&self, message: &Message, why: &str) -> Result<(), StoreError> {
        let entry = InboxEntry::for_message(&self.name, message);
        let mut tx = self.store.begin().await?;
        if tx.inbox_exhume(&entry).await? {
            tx.inbox_bury(&entry, message, why).await?;
            tx.commit().await?;
        }
        Ok(())
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
