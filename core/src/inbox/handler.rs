use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use smol_str::{SmolStr, ToSmolStr as _};

use crate::{
    message::{DecodeError, EncodeError, Message},
    ports::{Cancelled, StoreError, Transaction},
};

/// Error of a handler. Whatever it is, the transaction is rolled back.
///
/// Closed on purpose: what becomes of the message differs for each, so that none may pass for another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandlerError {
    /// Not handled this time: what it needs can't be had for the moment. It is handled again later. Counted, unlike an
    /// outage of the store: at the last failure the message becomes a dead letter.
    #[error("{0}")]
    Unavailable(SmolStr),
    /// Not handled yet: it came before what it needs, or at the wrong hour. It is handled again after this long, whatever
    /// the backoffs say. Counted: at the [last time](super::ConsumerConfig::max_postponed) it becomes a dead letter.
    #[error("not yet: {why}")]
    Postponed {
        /// Time until it is handled again.
        after: Duration,
        /// Reason for which it has to wait.
        why: SmolStr,
    },
    /// A failure of a kind that the service has a name for. How often and after which pauses it is handled again is
    /// the consumer's [policy](super::ConsumerConfig::on_failure) for that kind; without one, as
    /// [`Unavailable`](Self::Unavailable).
    #[error("{kind}: {why}")]
    Failed {
        /// Name of the kind, as in the configuration.
        kind: &'static str,
        /// Description of what failed.
        why: SmolStr,
    },
    /// The payload can't be understood: a dead letter at once.
    #[error("undecodable: {0}")]
    Undecodable(SmolStr),
    /// The message is understood and can never be handled: a dead letter at once.
    #[error("refused: {0}")]
    Refused(SmolStr),
    /// The store failed. The [last](super::ConsumerConfig::max_store_failures) of such failures of one message makes it a dead
    /// letter; an outage of the store is never counted.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DecodeError> for HandlerError {
    fn from(error: DecodeError) -> Self {
        Self::Undecodable(error.to_smolstr())
    }
}

impl From<Cancelled> for HandlerError {
    /// A failure of the store, and counted as such.
    fn from(dropped: Cancelled) -> Self {
        Self::Store(dropped.into())
    }
}

impl From<EncodeError> for HandlerError {
    /// The service's own message can't be encoded: trying again lets a repaired version have a go.
    fn from(error: EncodeError) -> Self {
        Self::Unavailable(error.to_smolstr())
    }
}

/// Handler of all messages of one type.
///
/// All that it writes, and all that it stages, goes through `tx`, and is applied together with the note that the message
/// was handled. It must not do anything else that can be seen from outside: after a rollback it is called again.
///
/// ```
/// use seaworthy_core::{
///     inbox::{Handler, HandlerError},
///     message::Message,
///     ports::{Expected, Transaction},
/// };
///
/// #[derive(serde::Deserialize)]
/// struct Confirmed {
///     quantity: u32,
/// }
///
/// struct CreateShipment;
///
/// #[async_trait::async_trait]
/// impl Handler for CreateShipment {
///     async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
///         let confirmed: Confirmed = message.json()?;
///         let body = format!("{{\"quantity\":{}}}", confirmed.quantity);
///         tx.put("shipments", &message.subject, Expected::Absent, body.into()).await?;
///         Ok(())
///     }
/// }
/// ```
#[async_trait]
pub trait Handler: Send + Sync {
    /// Handles one message inside `tx`, which the caller commits.
    ///
    /// # Errors
    /// [`HandlerError`]; the transaction is then dropped.
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError>;
}

/// A message type that was registered twice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("message type {0} is registered twice: a consumer has one handler for each type")]
pub struct DuplicateHandler(pub SmolStr);

/// A consumer's handlers, by message type. A type that is neither handled nor ignored is left for a newer version of the
/// service, and holds its key back until that arrives: ignore by name what the consumer does not care about.
///
/// ```
/// # use seaworthy_core::{inbox::{Handler, HandlerError, Handlers}, message::Message, ports::Transaction};
/// # struct CreateShipment;
/// # #[async_trait::async_trait]
/// # impl Handler for CreateShipment {
/// #     async fn handle(&self, _: &mut dyn Transaction, _: &Message) -> Result<(), HandlerError> { Ok(()) }
/// # }
/// let handlers = Handlers::builder().on("order.confirmed", CreateShipment).ignore("order.placed");
/// assert!(handlers.on("order.placed", CreateShipment).build().is_err());
/// ```
#[derive(Clone, Default)]
pub struct Handlers(BTreeMap<SmolStr, Route>);

#[derive(Clone)]
pub(super) enum Route {
    Handle(Arc<dyn Handler>),
    Ignore,
}

/// Collects the handlers of a consumer.
#[derive(Clone, Debug, Default)]
pub struct HandlersBuilder {
    handlers: Handlers,
    /// The first mistake; the builder goes on so that calls can be chained.
    mistake: Option<DuplicateHandler>,
}

impl HandlersBuilder {
    /// Handles messages of type `kind`.
    #[must_use]
    pub fn on(self, kind: impl Into<SmolStr>, handler: impl Handler + 'static) -> Self {
        self.register(kind.into(), Route::Handle(Arc::new(handler)))
    }

    /// Acknowledges messages of type `kind` and does nothing.
    #[must_use]
    pub fn ignore(self, kind: impl Into<SmolStr>) -> Self {
        self.register(kind.into(), Route::Ignore)
    }

    fn register(mut self, kind: SmolStr, route: Route) -> Self {
        if self.handlers.0.insert(kind.clone(), route).is_some() {
            self.mistake.get_or_insert(DuplicateHandler(kind));
        }
        self
    }

    /// Returns the handlers.
    ///
    /// # Errors
    /// The first [`DuplicateHandler`].
    pub fn build(self) -> Result<Handlers, DuplicateHandler> {
        self.mistake.map_or(Ok(self.handlers), Err)
    }
}

impl Handlers {
    /// Collects handlers: none yet.
    pub fn builder() -> HandlersBuilder {
        HandlersBuilder::default()
    }

    /// Returns the handler of a type; `None` if it is ignored or unknown.
    pub(crate) fn handler(&self, kind: &str) -> Option<&dyn Handler> {
        match self.0.get(kind) {
            Some(Route::Handle(handler)) => Some(&**handler),
            Some(Route::Ignore) | None => None,
        }
    }

    pub(super) fn route(&self, kind: &str) -> Option<&Route> {
        self.0.get(kind)
    }
}

impl std::fmt::Debug for Handlers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
