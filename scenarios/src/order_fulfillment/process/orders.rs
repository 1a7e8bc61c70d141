//! The `orders` service: takes orders, checks them out, and hears of their shipment.

use std::{pin::pin, sync::Arc};

use bytes::Bytes;
use futures_util::future::{Either, select};
use seaworthy_core::{
    aggregate::{AggregateError, Cause, Repository, Tracked},
    inbox::{Consumer, ConsumerConfig, Handlers},
    ports::{Ports, Request, StoreError},
    saga::{Orchestrator, OrchestratorConfig, Registry, SagaError},
    wake::Wake,
};
use seaworthy_sim::scenario::Boot;
use tracing::{debug, warn};

use super::{
    Pieces, Settings,
    checkout::CHECKOUT,
    order::{MarkShipped, ORDER_CONFIRMED, ORDERS_SERVICE, Order, repository},
    run_beside,
    shipping::{SHIPMENT_CREATED, SHIPMENT_EVENTS},
    stock::SettleStock,
    upkeep,
};
use crate::order_fulfillment::PlaceOrder;

/// The only request that the service knows.
pub const PLACE_ORDER: &str = "place_order";

/// How often a transaction that met a conflict or an unknown outcome is tried again before the caller is left to ask
/// anew. 5: a conflict is usually over at once.
const RETRIES: u32 = 5;

/// One replica of the service: requests, saga recovery, a relay, a consumer and upkeep.
pub async fn orders(boot: Boot, pieces: Pieces, settings: Settings) {
    let ports = boot.ports;
    let wake = Wake::new();
    let orders = repository(&ports).expect("each event of an order is registered once");
    let mut registry = Registry::new();
    let checkout = (pieces.checkout)(&ports).expect("the steps of the checkout fit together");
    registry.register(checkout).expect("one definition of one name");
    let orchestrator = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
    let recovery = {
        let (orchestrator, stop) = (orchestrator.clone(), ports.stop.clone());
        async move { orchestrator.run_recovery(&stop).await }
    };
    run_beside(
        &ports,
        [
            ("relay", (pieces.relay)(ports.clone(), settings.clone(), wake.clone())),
            ("recovery", Box::pin(recovery)),
            ("consumer", Box::pin(consume(ports.clone(), orders.clone(), wake.clone()))),
            ("upkeep", Box::pin(upkeep::keep_tidy(ports.clone(), settings, vec![ORDERS_SERVICE.into()]))),
        ],
    );
    let desk = Arc::new(Desk { ports: ports.clone(), pieces, orders, orchestrator, wake });
    loop {
        match select(pin!(ports.stop.wait()), ports.ingress.next()).await {
            Either::Left(_) => return,
            Either::Right((request, _)) => ports.spawner.spawn("request", Box::pin(desk.clone().answer(request))),
        }
    }
}

/// Settles the stock of confirmed orders and marks orders as shipped.
async fn consume(ports: Ports, orders: Repository<Order>, wake: Wake) {
    let handlers = Handlers::new()
        .on(ORDER_CONFIRMED, SettleStock)
        .and_then(|handlers| handlers.on(SHIPMENT_CREATED, MarkShipped(orders)))
        .expect("one handler for one type");
    Consumer::of(&ports, ORDERS_SERVICE, handlers, ConsumerConfig::of([ORDERS_SERVICE, SHIPMENT_EVENTS]))
        .with_wake(wake)
        .run(ports.stop.clone())
        .await;
}

/// Where requests are answered.
struct Desk {
    ports: Ports,
    pieces: Pieces,
    orders: Repository<Order>,
    orchestrator: Orchestrator,
    wake: Wake,
}

impl Desk {
    /// Accepts an order once it is durable, and checks it out. Whoever gets no answer asks again.
    async fn answer(self: Arc<Self>, request: Request) {
        if request.operation != PLACE_ORDER {
            request.response.refuse(format!("orders can't {}", request.operation));
            return;
        }
        let order: PlaceOrder = match serde_json::from_slice(&request.body) {
            Ok(order) => order,
            Err(error) => {
                request.response.refuse(format!("unreadable order: {error}"));
                return;
            }
        };
        for _ in 0..=RETRIES {
            match self.place(&order).await {
                Ok(started) => {
                    request.response.accept(Bytes::new());
                    let rest = self.orchestrator.drive_started(started).await;
                    // What the checkout staged waits for a relay.
                    self.wake.hint();
                    (self.pieces.after_checkout)(self.ports.clone(), order, rest).await;
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
                    request.response.refuse(why);
                    return;
                }
            }
        }
    }

    /// Order and checkout begin together, in one transaction, once for each order id.
    async fn place(&self, order: &PlaceOrder) -> Result<seaworthy_core::saga::Started, StoreError> {
        let mut tx = self.ports.store.begin().await?;
        let started = match self.orchestrator.start_in(&mut *tx, CHECKOUT, &order.id, order).await {
            Ok(started) => started,
            Err(SagaError::Store(error)) => return Err(error),
            Err(error) => return Err(StoreError::Refused(error.to_string().into())),
        };
        if started.created {
            match self.orders.save(&mut *tx, Tracked::new(Order::placed(order.clone())), Cause::New).await {
                Ok(_) => tx.commit().await?,
                Err(AggregateError::Store(error)) => return Err(error),
                Err(error) => return Err(StoreError::Refused(error.to_string().into())),
            }
        }
        Ok(started)
    }
}
