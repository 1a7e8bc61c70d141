use std::{
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};
use tracing::{debug, warn};

use super::{
    Consumer, HandlerError,
    batch::DeliveryOutcome,
    handler::{Handler, Route},
};
use crate::{
    message::{Causation, Message},
    ports::{
        AfterWork, Awaited, Clock, Delivery, InboxEntry, InboxInsert, Panicked, Seen, Spawner, StoreError, Transaction,
        Watched, caught, scoped, unanswered, unanswered_statement, within,
    },
};

/// Reason why an attempt did not handle its message.
pub(crate) enum Failed {
    /// The store can't be reached, whatever it is asked for.
    Unreachable(SmolStr),
    /// The store failed in the midst of it, as it may fail by itself, or for what this message asks of it.
    Store(StoreError),
    /// The store has not answered in the midst of it. Nobody knows what it hangs on, so it is not tried again at once.
    Unanswered(StoreError),
    /// The message's own doing.
    Own { why: SmolStr, again: Again },
}

/// Use of trying a message again that failed by its own doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// After the usual backoff, the usual number of times.
    Usual,
    /// As the policy for failures of this kind says.
    Kind(&'static str),
    /// After this long.
    After(Duration),
    /// Not at all: it would be of no use.
    Never,
}

impl Failed {
    /// Meaning of a transaction that did not begin: the store can't be reached, or has failed.
    pub(crate) fn of_begin(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(why) => Self::Unreachable(why),
            error => error.into(),
        }
    }

    /// A panic of the handler.
    pub(crate) fn of_panic(panicked: &Panicked) -> Self {
        Self::Own { why: panicked.to_smolstr(), again: Again::Usual }
    }

    /// Returns what is said of it.
    pub(crate) fn into_why(self) -> SmolStr {
        match self {
            Self::Unreachable(why) => StoreError::Unavailable(why).to_smolstr(),
            Self::Store(error) | Self::Unanswered(error) => error.to_smolstr(),
            Self::Own { why, .. } => why,
        }
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(_) => Self::Own { why: error.to_smolstr(), again: Again::Usual },
            error => Self::Store(error),
        }
    }
}

impl From<HandlerError> for Failed {
    fn from(error: HandlerError) -> Self {
        let again = match error {
            HandlerError::Store(error) => return error.into(),
            HandlerError::Unavailable(_) => Again::Usual,
            HandlerError::Postponed { after, .. } => Again::After(after),
            HandlerError::Failed { kind, .. } => Again::Kind(kind),
            HandlerError::Undecodable(_) | HandlerError::Refused(_) => Again::Never,
        };
        Self::Own { why: error.to_smolstr(), again }
    }
}

impl Consumer {
    /// Handles one delivery as far as the store is concerned. `counted`: its failure was counted already, as that many;
    /// `is_last`: nothing else of its batch is left.
    pub(super) async fn take(&self, delivery: &Delivery, mut counted: Option<u32>, is_last: bool) -> DeliveryOutcome {
        let message = &delivery.message;
        let handler = match self.handlers.route(&message.kind) {
            Some(Route::Handle(handler)) => &**handler,
            Some(Route::Ignore) => return DeliveryOutcome::Done,
            None => {
                warn!("message of an unknown type is left for a newer version");
                return DeliveryOutcome::Later(self.config.unknown_type_delay);
            }
        };
        let entry = InboxEntry::for_message(&self.name, message);
        // Whoever says nothing of an expiry costs no look at the clock.
        if message.schedule.expires.is_some() && message.schedule.has_expired(self.clock.now()) {
            return self.expired(&entry, delivery).await;
        }
        if counted.is_none() && delivery.redeliveries >= self.config.suspect_after {
            match self.begun(&entry, delivery).await {
                // It had begun before.
                Ok(failures) if failures > 1 && !is_last => return DeliveryOutcome::Last(failures),
                Ok(failures) => counted = Some(failures),
                Err(outcome) => return outcome,
            }
        }
        let (mut retries, after) = (0, AfterWork::default());
        loop {
            let Err(failed) = self.apart(&entry, handler, message, &after).await else { return DeliveryOutcome::Done };
            match failed {
                Failed::Unreachable(why) => {
                    debug!(%why, "message waits for the store");
                    return DeliveryOutcome::StoreDown;
                }
                // After an unknown outcome the inbox row tells, in the next attempt, whether the commit was applied.
                Failed::Store(error @ (StoreError::Conflict(_) | StoreError::Unknown(_)))
                    if retries < self.config.store_retries =>
                {
                    debug!(%error, retries, "message is handled again");
                    retries += 1;
                }
                failed => return self.failed(&entry, delivery, failed, counted).await,
            }
        }
    }

    /// Makes an attempt of which whatever ends it is a failure of the message, and no other's.
    async fn apart(
        &self,
        entry: &InboxEntry,
        handler: &dyn Handler,
        message: &Message,
        after: &AfterWork,
    ) -> Result<(), Failed> {
        let Self { clock, config, .. } = self;
        let begun = AtomicBool::new(false);
        let limit = config.handler_limit.saturating_add(config.store_limit);
        let attempt = timed(&**clock, limit, &begun, self.attempt(&begun, entry, handler, message, after));
        apart(self.scopes.as_deref(), attempt).await.map(drop)
    }

    /// Handles a message in one transaction: inbox row, the handler's writes and what it stages. What is left in `after` is of an attempt
    /// whose commit had an unknown outcome: the inbox row tells whether it was applied.
    async fn attempt(
        &self,
        begun: &AtomicBool,
        entry: &InboxEntry,
        handler: &dyn Handler,
        message: &Message,
        after: &AfterWork,
    ) -> Result<InboxInsert, Failed> {
        let mut tx = self.store.begin().await.map_err(Failed::of_begin)?;
        begun.store(true, Ordering::Relaxed);
        match tx.inbox_insert(entry).await? {
            InboxInsert::First => after.clear(),
            InboxInsert::Duplicate(seen) => {
                say_seen(entry, seen);
                after.run();
                return Ok(InboxInsert::Duplicate(seen));
            }
        }
        let limit = self.config.handler_limit;
        let handled = handle_within(&*self.clock, limit, handler, &mut *tx, message, Some(after)).await;
        handled.inspect_err(|_| after.clear())?;
        let committed = tx.commit().await;
        committed.inspect_err(|error| {
            if !matches!(error, StoreError::Unknown(_)) {
                after.clear();
            }
        })?;
        after.run();
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
    ) -> Result<(), Failed> {
        handle_within(&*self.clock, self.config.handler_limit, handler, tx, message, None).await
    }
}

/// Says that a message is taken for a duplicate.
pub(super) fn say_seen(entry: &InboxEntry, seen: Seen) {
    let InboxEntry { source, epoch, key, sequence, .. } = entry;
    match seen {
        Seen::Row => debug!("duplicate"),
        Seen::Watermark => warn!(
            %source,
            epoch,
            %key,
            sequence,
            "message is taken for a duplicate because a later one of its key was handled long ago; if it was not \
             handled, its source was set back without a new epoch"
        ),
    }
}

/// Makes an attempt of which whatever ends it is a failure of what it attempts, and no other's: a panic, or that it is dropped.
pub(crate) async fn apart<T>(
    scopes: Option<&dyn Spawner>,
    attempt: impl Future<Output = Result<T, Failed>>,
) -> Result<T, Failed> {
    // Dropped with all that it holds before the failure is counted.
    let attempt = pin!(attempt);
    match scoped(scopes, pin!(caught(scopes, attempt))).await {
        Ok(Ok(attempted)) => attempted,
        Ok(Err(panicked)) => Err(Failed::of_panic(&panicked)),
        Err(dropped) => Err(StoreError::from(dropped).into()),
    }
}

/// Makes an attempt for as long as handlers and store may take together. Where its transaction had not even `begun`, the store
/// can't be reached.
pub(crate) async fn timed<T>(
    clock: &dyn Clock,
    limit: Duration,
    begun: &AtomicBool,
    attempt: impl Future<Output = Result<T, Failed>>,
) -> Result<T, Failed> {
    within(clock, limit, pin!(attempt)).await.unwrap_or_else(|late| {
        let error = unanswered(late);
        Err(if begun.load(Ordering::Relaxed) {
            Failed::Unanswered(error)
        } else {
            Failed::Unreachable(error.to_smolstr())
        })
    })
}

/// Has a handler do its part for as long as it may, as a consequence of its message. One that is late while it waits for a statement
/// has done nothing wrong: the store has not answered, as where another transaction holds what this one asks for. `after` takes its work for
/// after the commit, or else the transaction does.
pub(crate) async fn handle_within(
    clock: &dyn Clock,
    limit: Duration,
    handler: &dyn Handler,
    tx: &mut dyn Transaction,
    message: &Message,
    after: Option<&AfterWork>,
) -> Result<(), Failed> {
    let awaited = Awaited::default();
    let mut tx = Watched::new(tx, &awaited, after);
    let mut handling = handler.handle(&mut tx, message);
    let caused = pin!(Causation::from_message(message).within(handling.as_mut()));
    match within(clock, limit, caused).await {
        Ok(handled) => handled.map_err(Failed::from),
        Err(late) => Err(match awaited.statement() {
            Some(statement) => Failed::Unanswered(unanswered_statement(statement, late)),
            None => HandlerError::Unavailable(format_smolstr!("the handler was {late}")).into(),
        }),
    }
}
