//! The variant with a conductor: a saga of `orders` says what is to be done, and `inventory` answers.

use std::sync::Arc;

use async_trait::async_trait;
use seaworthy_core::{
    aggregate::{Cause, Repository, Tracked},
    inbox::{Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    ports::{Clock, Ports, Store, Transaction},
    saga::{Definition, DefinitionError, Orchestrator, OrchestratorConfig, Registry, SagaRetention, saga_id},
    wake::Wake,
};

use crate::{
    choreographed::{GiveBack, Sell},
    inventory::reserve,
    messages::{
        Goods, INVENTORY, ORDERS, RESERVATION_ANSWERED, RESERVATION_RELEASED, RESERVATION_REQUESTED,
        RESERVATION_SETTLED, RESERVATIONS,
    },
    orders::{
        Denied, FULFILMENT, HearAnswer, Order, OrderStatus, PlaceOrder, RequestHandler, answer, fulfilment,
        kept_to_itself, repository,
    },
    parts::{consume, relay_and_retention},
};

/// Runs one replica of `orders` until a stop is asked for. Dropping the future ends the requests; the others are tasks of the
/// process and go on until it stops.
pub async fn orders(ports: Ports) {
    orders_with(ports, fulfilment, HearAnswer).await;
}

/// As [`orders`], with this definition, and with this handler of answers.
pub async fn orders_with<H: Handler + 'static>(
    ports: Ports,
    definition: impl Fn(&Repository<Order>) -> Result<Definition<PlaceOrder>, DefinitionError>,
    hear: impl Fn(Repository<Order>, Orchestrator) -> H,
) {
    let wake = Wake::new();
    let repository = repository(&ports, kept_to_itself());
    let mut registry = Registry::new();
    registry.register(definition(&repository).expect("its steps fit together")).expect("it is the only definition");
    let orchestrator = Orchestrator::new(&ports, registry, OrchestratorConfig::default()).wake(wake.clone());
    let (recovery, stop) = (orchestrator.clone(), ports.stop.clone());
    ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
    ports.spawn("saga-retention", SagaRetention::default().run(ports.clone()));
    relay_and_retention(&ports, ORDERS, &wake);
    let handlers = Handlers::builder().on(RESERVATION_ANSWERED, hear(repository.clone(), orchestrator.clone()));
    let handlers = handlers.build().expect("one handler for one type");
    let heard = (ports.clone(), wake.clone());
    ports.spawn("consumer", async move { consume(&heard.0, ORDERS, INVENTORY, handlers, heard.1).await });
    let conductor = Conductor { sagas: orchestrator, orders: repository, store: ports.store.clone() };
    answer(&ports, Arc::new(conductor), wake).await;
}

/// Runs one replica of `inventory` until a stop is asked for.
pub async fn inventory(ports: Ports) {
    let answer = AnswerRequest(ports.clock.clone());
    inventory_with(ports, answer).await;
}

/// As [`inventory`], with this handler of requests.
pub async fn inventory_with(ports: Ports, request: impl Handler + 'static) {
    let wake = Wake::new();
    relay_and_retention(&ports, INVENTORY, &wake);
    let handlers = Handlers::builder()
        .on(RESERVATION_REQUESTED, request)
        .on(RESERVATION_SETTLED, Sell)
        .on(RESERVATION_RELEASED, GiveBack);
    let handlers = handlers.build().expect("one handler for one type");
    consume(&ports, INVENTORY, RESERVATIONS, handlers, wake).await;
}

/// Starts a saga for each order, and turns it back where its customer wants so. What an order has come to is decided by the order
/// itself, so it is there from the moment at which it is accepted, however far its saga is.
struct Conductor {
    sagas: Orchestrator,
    orders: Repository<Order>,
    store: Arc<dyn Store>,
}

#[async_trait]
impl RequestHandler for Conductor {
    async fn place(&self, order: PlaceOrder) -> Result<(), Denied> {
        let mut tx = self.store.begin().await?;
        if !self.sagas.start_in(&mut *tx, FULFILMENT, &order.id, &order).await?.created {
            return Ok(());
        }
        self.orders.save(&mut *tx, Tracked::new(Order::placed(order.id, order.lines)), Cause::New).await?;
        Ok(tx.commit().await?)
    }

    async fn cancel(&self, order: &str) -> Result<(), Denied> {
        let cancel = |order: &mut Order| order.move_to(OrderStatus::Cancelled);
        self.orders.update(&*self.store, order, Cause::New, cancel).await?;
        // Its saga can't confirm it any more. Turned back now, it waits for no answer.
        Ok(self.sagas.cancel(saga_id(FULFILMENT, order)).await?)
    }
}

/// Reserves, and answers whoever asked in the same transaction.
pub struct AnswerRequest(pub Arc<dyn Clock>);

#[async_trait]
impl Handler for AnswerRequest {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let goods: Goods = message.json()?;
        let answer = reserve(tx, &goods).await?;
        let reply = MessageBuilder::new(INVENTORY, RESERVATION_ANSWERED, message.subject.clone());
        let reply = reply.caused_by(message).json(&answer)?;
        tx.stage(&reply.derive(message.id.0, &["answer"], self.0.now())).await?;
        Ok(())
    }
}
