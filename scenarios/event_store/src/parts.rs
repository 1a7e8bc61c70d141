//! Parts that several services have in the same form.

use std::{pin::pin, time::Duration};

use bytes::Bytes;
use futures_util::future::{Either, select};
use seaworthy_core::{
    events::{Subscriber, SubscriberConfig},
    inbox::{Handler, HandlerError, Handlers},
    ports::{Expected, Ports, StoreError, Transaction},
};
use serde::{Serialize, de::DeserializeOwned};
use smol_str::{SmolStr, ToSmolStr as _};
use tracing::{debug, warn};

use crate::messages::{CREDITED, DEBITED};

/// Time that a request has. Its caller waits no longer, and what its transaction holds by then is let go: others wait for that.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);

/// A request that was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denied {
    /// It never will be, for this reason.
    Refused(SmolStr),
    /// It may be, or was, and nobody knows: the caller has to ask again.
    AskAgain(SmolStr),
}

impl From<StoreError> for Denied {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(why) => Self::Refused(why),
            error => Self::AskAgain(error.to_smolstr()),
        }
    }
}

/// Answers the requests of one replica until a stop is asked for, side by side.
pub async fn answer<F>(ports: &Ports, serve: impl Fn(SmolStr, Bytes) -> F)
where
    F: Future<Output = Result<Bytes, Denied>> + Send + 'static,
{
    while let Some(request) = ports.ingress.next().await {
        let served = serve(request.operation.clone(), request.body.clone());
        let scoped = ports.clone();
        ports.spawn("request", async move {
            match select(pin!(scoped.scope(served)), scoped.clock.limit(REQUEST_LIMIT)).await {
                Either::Left((Ok(Ok(body)), _)) => request.response.accept(body),
                Either::Left((Ok(Err(Denied::Refused(why))), _)) => request.response.refuse(why),
                // Dropped without an answer, a request is asked again.
                Either::Left((Ok(Err(Denied::AskAgain(why))), _)) => debug!(%why, "the caller has to ask again"),
                Either::Left((Err(dropped), _)) => debug!(%dropped, "the caller has to ask again"),
                Either::Right(_) => warn!("a request is given up after its time: the caller has to ask again"),
            }
        });
    }
}

/// Returns one handler for both kinds of events of an account.
///
/// # Panics
/// Never: they are two kinds.
pub fn on_both(handler: impl Handler + Clone + 'static) -> Handlers {
    let handlers = Handlers::builder().on(CREDITED, handler.clone()).on(DEBITED, handler);
    handlers.build().expect("two kinds of events")
}

/// Follows the log of events until a stop is asked for.
pub async fn follow(ports: Ports, name: &str, handlers: Handlers) {
    subscriber(&ports, name, handlers).run().await;
}

/// Returns the subscriber of this name, as all of the services have it.
pub fn subscriber(ports: &Ports, name: &str, handlers: Handlers) -> Subscriber {
    Subscriber::new(ports, name, handlers).config(SubscriberConfig::default())
}

/// Changes a document, which is the default before the first time.
///
/// # Errors
/// [`HandlerError`] if it can't be read, or of the store: a conflict where somebody else has changed it meanwhile.
pub async fn change<T: Default + Serialize + DeserializeOwned>(
    tx: &mut dyn Transaction,
    collection: &str,
    id: &str,
    change: impl FnOnce(&mut T),
) -> Result<(), HandlerError> {
    let found = tx.get(collection, id).await?;
    let expected = found.as_ref().map_or(Expected::Absent, |document| Expected::Version(document.version));
    let mut value = match &found {
        Some(document) => serde_json::from_slice(&document.body)
            .map_err(|error| HandlerError::Unavailable(smol_str::format_smolstr!("{collection} {id}: {error}")))?,
        None => T::default(),
    };
    change(&mut value);
    tx.put(collection, id, expected, encode(&value)).await?;
    Ok(())
}

/// Writes a value as JSON.
///
/// # Panics
/// If the value has no JSON form. Whatever this crate keeps and sends has one.
pub fn encode<T: Serialize>(value: &T) -> Bytes {
    serde_json::to_vec(value).expect("what is kept and sent are structs of strings and numbers").into()
}
