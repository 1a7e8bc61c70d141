//! The `orders` service: takes orders, checks them out, and hears of their shipment.

use std::{pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::{Either, select};
use seaworthy_core::{
    aggregate::Repository,
    boot::Boot,
    inbox::{Consumer, Handlers},
    ports::{Ports, Request, Response, StoreError},
    saga::{Orchestrator, Registry, SagaError, Started, saga_id},
    wake::Wake,
};
use tracing::{debug, warn};

use crate::{
    checkout::CHECKOUT,
    clock_and_random::ClockAndRandom,
    messages::{ORDER_CONFIRMED, ORDERS_SERVICE, SHIPMENT_CREATED, SHIPMENT_DISPATCHED, SHIPMENT_EVENTS},
    order::{MarkShipped, NoteShipment, Order, repository},
    requests::{CANCEL_ORDER, PLACE_ORDER, PlaceOrder},
    settings::Settings,
    stock::SettleStock,
    upkeep,
    variant::Variant,
};

/// Number of times that a transaction which met a conflict or an unknown outcome is tried again before the caller is
/// left to ask anew. 5: a conflict is usually over at once.
const RETRIES: u32 = 5;

/// Time that a transaction has which takes an order. Its caller waits no longer, and what it holds by then is let go: others wait for
/// that. What the orchestrator does by itself has the limit of its store calls.
const PLACE_LIMIT: Duration = Duration::from_secs(10);

/// Runs one replica of the service until a stop is asked for: requests, saga recovery, a relay, a consumer and upkeep.
/// Dropping the future ends the requests; the others are tasks of the process and go on until it stops.
pub async fn orders(boot: Boot, variant: Variant, settings: Settings) {
    let (ports, release) = (boot.ports, boot.release);
    let wake = Wake::new();
    let sources = ClockAndRandom::from_ports(&ports);
    let orders = repository(&sources);
    let mut registry = Registry::new();
    for checkout in variant.checkouts(release, &sources).expect("the steps of the checkout fit together") {
        registry.register(checkout).expect("one definition of each version");
    }
    let orchestrator = Orchestrator::new(&ports, registry, settings.orchestrator());
    let recovery = {
        let (orchestrator, stop) = (orchestrator.clone(), ports.stop.clone());
        async move { orchestrator.run_recovery(&stop).await }
    };
    ports.spawner.spawn("relay", (variant.relay)(ports.clone(), settings.clone(), wake.clone()));
    ports.spawn("recovery", recovery);
    ports.spawn("consumer", consume(ports.clone(), settings.clone(), orders, wake.clone()));
    ports.spawn("upkeep", upkeep::keep_tidy(ports.clone(), settings, vec![ORDERS_SERVICE.into()]));
    let handler = Arc::new(RequestHandler { ports: ports.clone(), variant, orchestrator, wake });
    while let Some(request) = ports.ingress.next().await {
        ports.spawn("request", handler.clone().serve(request));
    }
}

/// Settles the stock of confirmed orders, notes the numbers of their shipments and marks them as shipped.
async fn consume(ports: Ports, settings: Settings, orders: Repository<Order>, wake: Wake) {
    let handlers = Handlers::builder()
        .on(ORDER_CONFIRMED, SettleStock)
        .on(SHIPMENT_CREATED, NoteShipment(orders.clone()))
        .on(SHIPMENT_DISPATCHED, MarkShipped(orders))
        .build()
        .expect("one handler for one type");
    let config = settings.consumer([ORDERS_SERVICE, SHIPMENT_EVENTS]);
    Consumer::new(&ports, ORDERS_SERVICE, handlers, config).wake(wake).run().await;
}

/// Answers the requests of one replica.
struct RequestHandler {
    ports: Ports,
    variant: Variant,
    orchestrator: Orchestrator,
    wake: Wake,
}

impl RequestHandler {
    /// Answers a request for as long as its caller waits: who has hung up asks again.
    async fn serve(self: Arc<Self>, request: Request) {
        if let Err(dropped) = self.ports.scope(self.answer(request)).await {
            debug!(%dropped, "the caller has to ask again");
        }
    }

    async fn answer(&self, request: Request) {
        match request.operation.as_str() {
            PLACE_ORDER => match serde_json::from_slice(&request.body) {
                Ok(order) => self.place_order(order, request.response).await,
                Err(error) => request.response.refuse(format!("unreadable order: {error}")),
            },
            CANCEL_ORDER => match str::from_utf8(&request.body) {
                Ok(order) => self.cancel_order(order, request.response).await,
                Err(error) => request.response.refuse(format!("unreadable order id: {error}")),
            },
            other => request.response.refuse(format!("orders can't {other}")),
        }
    }

    /// Turns the checkout back, unless it is past its point of no return.
    async fn cancel_order(&self, order: &str, response: Response) {
        match self.orchestrator.cancel(saga_id(CHECKOUT, order)).await {
            Ok(()) => response.accept(Bytes::new()),
            // The caller has to ask again.
            Err(error @ (SagaError::Store(_) | SagaError::Contended(_))) => debug!(%error, "not cancelled yet"),
            Err(error) => response.refuse(error.to_string()),
        }
    }

    /// Accepts an order once it is durable, and checks it out. Whoever gets no answer asks again.
    async fn place_order(&self, order: PlaceOrder, response: Response) {
        for _ in 0..=RETRIES {
            let placed = match select(pin!(self.place(&order)), self.ports.clock.limit(PLACE_LIMIT)).await {
                Either::Left((placed, _)) => placed,
                Either::Right(_) => Err(StoreError::Unavailable("it took too long".into())),
            };
            match placed {
                Ok(started) => {
                    response.accept(Bytes::new());
                    let outcome = self.orchestrator.drive_started(started).await;
                    // What the checkout staged waits for a relay.
                    self.wake.hint();
                    (self.variant.after_checkout)(self.ports.clone(), order, outcome).await;
                    return;
                }
                // After an unknown outcome the saga's business key tells, in the next attempt, whether it was applied.
                Err(StoreError::Conflict(why) | StoreError::Unknown(why)) => debug!(%why, "placed again"),
                Err(StoreError::Unavailable(why)) => {
                    debug!(%why, "the caller has to ask again");
                    return;
                }
                Err(StoreError::Refused(why)) => {
                    warn!(%why, "order refused");
                    response.refuse(why);
                    return;
                }
            }
        }
    }

    /// Starts the checkout, once for each order id.
    async fn place(&self, order: &PlaceOrder) -> Result<Started, StoreError> {
        let mut tx = self.ports.store.begin().await?;
        match self.orchestrator.start_in(&mut *tx, CHECKOUT, &order.id, order).await {
            Ok(started) => {
                if started.created {
                    tx.commit().await?;
                }
                Ok(started)
            }
            Err(SagaError::Store(error)) => Err(error),
            Err(error) => Err(StoreError::Refused(error.to_string().into())),
        }
    }
}
