use std::{pin::pin, time::Duration};

use async_trait::async_trait;
use smol_str::format_smolstr;
use tracing::{Instrument, info, info_span, warn};

use super::{Consumer, HandlerError, attempt::Failed, handler::Route};
use crate::{
    cut::cut,
    ids::MessageId,
    message::Message,
    ports::{DeadLetter, DeadLetterRequest, GivenUp, InboxEntry, Store, StoreError, TakesUp, answered, caught},
    wake::pause,
};

/// Number of letters that are handled again before the next are looked for.
const REQUESTS: usize = 100;

/// Report of a redrive: dead letters that were handled again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redriven {
    /// Handled: these are dead letters no more.
    pub handled: Vec<MessageId>,
    /// Failed again, with the reason: these stay dead letters.
    pub failed: Vec<(MessageId, String)>,
}

impl Consumer {
    /// Asks for dead letters of this consumer: the oldest, `limit` of them at most.
    pub fn letters(&self, limit: usize) -> DeadLetterRequest {
        DeadLetterRequest::new(self.name.clone(), limit)
    }

    /// Handles dead letters of this consumer again: each is taken out and handled in one transaction, so it is either
    /// handled or still there. Takes those that are asked for, oldest first. One that fails again is put behind the others,
    /// with one failure more and the new reason: the next call goes on with those that were not tried.
    ///
    /// ```
    /// use seaworthy_core::{inbox::Consumer, ports::StoreError};
    ///
    /// /// The courier is back.
    /// async fn ship(consumer: &Consumer) -> Result<usize, StoreError> {
    ///     let waiting = consumer.letters(1_000).of_kind("order.paid").because("courier");
    ///     Ok(consumer.redrive(&waiting).await?.handled.len())
    /// }
    /// ```
    ///
    /// Messages of the same key that came later were handled meanwhile: a handler must expect to see an old one.
    ///
    /// # Errors
    /// [`StoreError`] if the dead letters can't be read, [`StoreError::Refused`] if those of another consumer are asked for. A
    /// letter that fails does not stop the others.
    pub async fn redrive(&self, letters: &DeadLetterRequest) -> Result<Redriven, StoreError> {
        if letters.consumer != self.name {
            return Err(StoreError::Refused(format_smolstr!(
                "these are letters of {}, which {} can't handle: ask for them by `Consumer::letters`",
                letters.consumer,
                self.name
            )));
        }
        let letters = answered(&*self.clock, self.config.store_limit, self.store.dead_letters(letters));
        self.handle_again(letters.await?, false).await
    }

    /// Handles letters again, each by itself. `asked`: a request that ends its process is not to end the next one as well, so
    /// it is taken back before the letter is handled; and a stop ends the rest.
    async fn handle_again(&self, letters: Vec<DeadLetter>, asked: bool) -> Result<Redriven, StoreError> {
        let mut redriven = Redriven::default();
        for letter in letters {
            let message = &letter.message;
            // What is shown of it is not the message.
            if let Some(why) = &letter.unreadable {
                let why = format!("can't be read: {why}: mend it, or discard it");
                warn!(consumer = %self.name, message = %message.id, error = %why, "dead letter stays where it is");
                redriven.failed.push((message.id, why));
                continue;
            }
            if asked {
                if self.stop.is_set() {
                    break;
                }
                self.put_back(message, &letter.reason).await?;
            }
            let trace = message.trace();
            let span = info_span!(
                "inbox.redrive",
                consumer = %self.name,
                message = %message.id,
                kind = %message.kind,
                trace_id = trace.map(|trace| trace.trace_id),
                parent_id = trace.map(|trace| trace.parent_id),
            );
            let limit = self.config.handler_limit.saturating_add(self.config.store_limit);
            let exhumed = answered(&*self.clock, limit, self.exhume(message));
            let exhumed = caught(self.scopes.as_deref(), pin!(exhumed)).instrument(span).await;
            let exhumed = exhumed.unwrap_or_else(|panicked| Err(Failed::of_panic(&panicked)));
            match exhumed {
                Ok(true) => redriven.handled.push(message.id),
                // Another operator was first.
                Ok(false) => {}
                Err(failed) => {
                    let why = cut(failed.into_why().to_string());
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

    /// Handles dead letters again of which an operator has asked for it, until a stop. Each is asked for no more from before
    /// it is handled, which counts as a failure: one that fails again, or ends its process, waits for the next request.
    pub(super) async fn heed_requests(&self, every: Duration) {
        let asked = self.letters(REQUESTS).asked();
        while !self.stop.is_set() {
            let redriven = async {
                let letters = answered(&*self.clock, self.config.store_limit, self.store.dead_letters(&asked));
                self.handle_again(letters.await?, true).await
            };
            match redriven.await {
                Ok(redriven) if redriven == Redriven::default() => {}
                Ok(Redriven { handled, failed }) => {
                    info!(consumer = %self.name, handled = handled.len(), failed = failed.len(), "dead letters that were asked for");
                }
                Err(error) => warn!(consumer = %self.name, %error, "requests of an operator wait: they can't be read"),
            }
            pause(&*self.clock, &self.stop, every).await;
        }
    }

    /// Puts a letter that has failed again behind the others, or it would stand in their way.
    async fn put_back(&self, message: &Message, why: &str) -> Result<(), StoreError> {
        let entry = InboxEntry::for_message(&self.name, message);
        let work = async {
            let mut tx = self.store.begin().await?;
            if tx.inbox_exhume(&entry).await? {
                tx.inbox_bury(&entry, message, why).await?;
                tx.commit().await?;
            }
            Ok(())
        };
        answered(&*self.clock, self.config.store_limit, work).await
    }

    async fn exhume(&self, message: &Message) -> Result<bool, Failed> {
        let Some(Route::Handle(handler)) = self.handlers.route(&message.kind) else {
            let why = format_smolstr!("no handler for messages of type {}", message.kind);
            return Err(HandlerError::Refused(why).into());
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

#[async_trait]
impl TakesUp for Consumer {
    /// Redrives one of its dead letters.
    async fn take_up(&self, what: &GivenUp) -> bool {
        let GivenUp::Message { consumer, message } = what else { return false };
        if *consumer != self.name {
            return false;
        }
        if let Err(error) = self.redrive(&self.letters(1).only(vec![*message])).await {
            warn!(%consumer, %message, %error, "dead letter stays where it is: the dead letters can't be read");
        }
        true
    }
}

/// Asks that dead letters be handled again by their consumer, wherever that runs: for a tool that has no handlers. Takes those
/// that are asked for, the oldest first. The request stands with the letters in the store, and a consumer that
/// [looks for requests](super::ConsumerConfig::redrive_requests) handles them; one that fails again is a dead letter as before,
/// with the new reason, and asked for no more. To ask again for what is asked for changes nothing.
///
/// ```
/// use seaworthy_core::{inbox, ports::{DeadLetterRequest, Store, StoreError}};
///
/// /// The courier is back: the service, not this tool, ships what has waited.
/// async fn ship(store: &dyn Store) -> Result<usize, StoreError> {
///     let waiting = DeadLetterRequest::new("shipping", 1_000).because("courier");
///     Ok(inbox::ask_redrive(store, &waiting).await?.len())
/// }
/// ```
///
/// # Errors
/// Any [`StoreError`]. To repeat the call is right in any case.
///
/// # Cancellation
/// A call that is dropped may have asked for them. It has no limit of time of its own: whoever has one drops it, with
/// [`Clock::limit`](crate::ports::Clock::limit) beside it, and calls it again.
pub async fn ask_redrive(store: &dyn Store, letters: &DeadLetterRequest) -> Result<Vec<MessageId>, StoreError> {
    let work = async {
        let asked = store.ask_redrive(letters).await?;
        for message in &asked {
            info!(%message, "dead letter is to be handled again");
        }
        Ok(asked)
    };
    work.instrument(info_span!("inbox.ask_redrive", consumer = %letters.consumer)).await
}
