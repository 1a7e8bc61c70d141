use std::{pin::pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::{Either, select};
use seaworthy_core::{
    aggregate::{AggregateError, UpdateError},
    ports::{Ports, Request, StoreError},
    saga::SagaError,
    wake::Wake,
};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, ToSmolStr as _};
use tracing::{debug, warn};

use super::order::{IllegalChange, ORDER_COLLECTION};
use crate::messages::Line;

/// Asks for an order; the body is a [`PlaceOrder`]. It is accepted once it is durable, whatever becomes of it.
pub const PLACE_ORDER: &str = "place_order";
/// Asks to call an order off; the body is its id. It is refused where the order has come to another end.
pub const CANCEL_ORDER: &str = "cancel_order";
/// Asks for an [`Order`](super::Order) as it is; the body is its id.
pub const LOOK_UP_ORDER: &str = "look_up_order";

/// Time that a request has. Its caller waits no longer, and what its transaction holds by then is let go: others wait for that.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);

/// The body of a [`PLACE_ORDER`] request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceOrder {
    /// The business key: a repeated request names the same order.
    pub id: SmolStr,
    /// Articles and units that are ordered: all of it, or nothing.
    pub lines: Vec<Line>,
}

/// Handler of the requests of a replica: carries out those of customers.
#[async_trait]
pub trait RequestHandler: Send + Sync {
    /// Takes an order, once for each id.
    ///
    /// # Errors
    /// [`Denied`] says whether it never will be taken, or whether the caller has to ask again.
    async fn place(&self, order: PlaceOrder) -> Result<(), Denied>;

    /// Calls an order off.
    ///
    /// # Errors
    /// [`Denied::Refused`] if there is no such order, or if it has come to another end; [`Denied::AskAgain`] if nobody knows.
    async fn cancel(&self, order: &str) -> Result<(), Denied>;
}

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

impl From<AggregateError> for Denied {
    fn from(error: AggregateError) -> Self {
        match error {
            AggregateError::Store(error) => error.into(),
            error => Self::Refused(error.to_smolstr()),
        }
    }
}

impl From<UpdateError<IllegalChange>> for Denied {
    fn from(error: UpdateError<IllegalChange>) -> Self {
        match error {
            UpdateError::Aggregate(error) => error.into(),
            error => Self::Refused(error.to_smolstr()),
        }
    }
}

impl From<SagaError> for Denied {
    fn from(error: SagaError) -> Self {
        match error {
            SagaError::Store(error) => error.into(),
            SagaError::Contended(_) => Self::AskAgain(error.to_smolstr()),
            error => Self::Refused(error.to_smolstr()),
        }
    }
}

/// Answers the requests of one replica until a stop is asked for, side by side.
pub async fn answer(ports: &Ports, handler: Arc<dyn RequestHandler>, wake: Wake) {
    while let Some(request) = ports.ingress.next().await {
        let (ports, handler, wake) = (ports.clone(), handler.clone(), wake.clone());
        let scoped = ports.clone();
        ports.spawn("request", async move {
            let serving = pin!(scoped.scope(serve(scoped.clone(), handler, request, wake)));
            match select(serving, scoped.clock.limit(REQUEST_LIMIT)).await {
                Either::Left((Ok(()), _)) => {}
                Either::Left((Err(dropped), _)) => debug!(%dropped, "the caller has to ask again"),
                Either::Right(_) => warn!("a request is given up after its time: the caller has to ask again"),
            }
        });
    }
}

async fn serve(ports: Ports, handler: Arc<dyn RequestHandler>, request: Request, wake: Wake) {
    let body = &request.body;
    let answer = match request.operation.as_str() {
        PLACE_ORDER => match serde_json::from_slice::<PlaceOrder>(body) {
            Ok(order) if order.lines.is_empty() || order.lines.iter().any(|line| line.units == 0) => {
                Err(Denied::Refused("an order is of some units of some article".into()))
            }
            Ok(order) => handler.place(order).await.map(|()| Bytes::new()),
            Err(error) => Err(Denied::Refused(error.to_smolstr())),
        },
        CANCEL_ORDER => handler.cancel(&String::from_utf8_lossy(body)).await.map(|()| Bytes::new()),
        LOOK_UP_ORDER => look_up(&ports, &String::from_utf8_lossy(body)).await,
        other => Err(Denied::Refused(SmolStr::new(format!("orders can't {other}")))),
    };
    match answer {
        Ok(body) => {
            request.response.accept(body);
            wake.hint();
        }
        Err(Denied::Refused(why)) => request.response.refuse(why),
        // Dropped without an answer, a request is asked again.
        Err(Denied::AskAgain(why)) => debug!(%why, "the caller has to ask again"),
    }
}

async fn look_up(ports: &Ports, order: &str) -> Result<Bytes, Denied> {
    let document = ports.store.begin().await?.get(ORDER_COLLECTION, order).await?;
    document.map(|document| document.body).ok_or_else(|| Denied::Refused("there is no such order".into()))
}
