use std::pin::pin;

use smol_str::{ToSmolStr as _, format_smolstr};
use tracing::{debug, error, warn};

use super::{
    Consumer, HandlerError,
    consumer::Verdict,
    handler::{Handler, Route},
};
use crate::{
    cut::cut,
    message::Message,
    ports::{Delivery, InboxEntry, InboxInsert, StoreError, Transaction, caught, scoped, within},
};

impl Consumer {
    /// Handles one delivery as far as the store is concerned.
    pub(super) async fn take(&self, delivery: &Delivery) -> Verdict {
        let message = &delivery.message;
        let handler = match self.handlers.route(&message.kind) {
            Some(Route::Handle(handler)) => &**handler,
            Some(Route::Ignore) => return Verdict::Done,
            None => {
                warn!("message of an unknown type is left for a newer version");
                return Verdict::Later(self.config.unknown_type_delay);
            }
        };
        let entry = InboxEntry::for_message(&self.name, message);
        let mut retries = 0;
        loop {
            let Err(error) = self.apart(&entry, handler, message).await else { return Verdict::Done };
            match error {
                HandlerError::Store(StoreError::Unavailable(why)) => {
                    debug!(%why, "message waits for the store");
                    return Verdict::StoreDown;
                }
                // After an unknown outcome the inbox row tells, in the next attempt, whether the commit was applied.
                HandlerError::Store(error @ (StoreError::Conflict(_) | StoreError::Unknown(_))) => {
                    debug!(%error, retries, "message is handled again");
                    if retries == self.config.store_retries {
                        let again = delivery.redeliveries.saturating_add(1);
                        return Verdict::Later(self.config.store_backoff.delay(again, &*self.random));
                    }
                    retries += 1;
                }
                error => return self.failed(&entry, delivery, &error).await,
            }
        }
    }

    /// Makes an attempt of which whatever ends it is a failure of the message, and no other's.
    async fn apart(&self, entry: &InboxEntry, handler: &dyn Handler, message: &Message) -> Result<(), HandlerError> {
        let scopes = self.scopes.as_deref();
        // Dropped with all that it holds before the failure is counted.
        let attempt = pin!(self.attempt(entry, handler, message));
        match scoped(scopes, pin!(caught(scopes, attempt))).await {
            Ok(Ok(attempted)) => attempted.map(drop),
            Ok(Err(panicked)) => Err(HandlerError::Unavailable(panicked.to_smolstr())),
            Err(dropped) => Err(dropped.into()),
        }
    }

    /// Handles a message in one transaction: inbox row, the handler's writes and what it stages.
    async fn attempt(
        &self,
        entry: &InboxEntry,
        handler: &dyn Handler,
        message: &Message,
    ) -> Result<InboxInsert, HandlerError> {
        let mut tx = self.store.begin().await?;
        if tx.inbox_insert(entry).await? == InboxInsert::Duplicate {
            debug!("duplicate");
            return Ok(InboxInsert::Duplicate);
        }
        self.handle(handler, &mut *tx, message).await?;
        tx.commit().await?;
        debug!("handled");
        if let Some(wake) = &self.wake {
            wake.hint();
        }
        Ok(InboxInsert::First)
    }

    /// Has the handler do its part, for as long as it may.
    pub(super) async fn handle(
        &self,
        handler: &dyn Handler,
        tx: &mut dyn Transaction,
        message: &Message,
    ) -> Result<(), HandlerError> {
        let mut handling = handler.handle(tx, message);
        let handled = within(&*self.clock, self.config.handler_limit, handling.as_mut()).await;
        handled.unwrap_or_else(|late| Err(HandlerError::Unavailable(format_smolstr!("the handler was {late}"))))
    }

    /// Counts a failure, in a transaction of its own since the handler's is gone, and buries the message at its last one.
    async fn failed(&self, entry: &InboxEntry, delivery: &Delivery, error: &HandlerError) -> Verdict {
        let hopeless = matches!(error, HandlerError::Undecodable(_) | HandlerError::Refused(_));
        let why = cut(error.to_string());
        match self.count(entry, &delivery.message, &why, hopeless).await {
            Ok((failures, true)) => {
                warn!(failures, error = %why, "message is a dead letter");
                Verdict::Done
            }
            Ok((failures, false)) => {
                warn!(failures, error = %why, "message failed and comes again");
                Verdict::Later(self.config.backoff.delay(failures.saturating_sub(1), &*self.random))
            }
            Err(StoreError::Unavailable(_)) => Verdict::StoreDown,
            Err(error @ StoreError::Refused(_)) => {
                error!(%error, failed = %why, "the store refuses to count the failure: the message comes again");
                Verdict::Later(self.config.store_backoff.delay(delivery.redeliveries, &*self.random))
            }
            // Handled elsewhere meanwhile, or counted or not: the next delivery finds out.
            Err(error) => {
                debug!(%error, "the failure could not be counted");
                Verdict::Later(self.config.store_backoff.delay(0, &*self.random))
            }
        }
    }

    /// Counts a failure; returns the number of failures so far, and `true` if the message was buried.
    async fn count(
        &self,
        entry: &InboxEntry,
        message: &Message,
        why: &str,
        hopeless: bool,
    ) -> Result<(u32, bool), StoreError> {
        let mut tx = self.store.begin().await?;
        let failures = tx.inbox_failed(entry, why).await?;
        let bury = hopeless || failures >= self.config.max_failures;
        if bury {
            tx.inbox_bury(entry, message, why).await?;
        }
        tx.commit().await?;
        Ok((failures, bury))
    }
}
