//! The variant with a conductor: a saga of `orders` says what is to be done, and `inventory` answers.

use std::sync::Arc;

use async_trait::async_trait;
use seaworthy_core::{
    aggregate::Repository,
    inbox::{Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    ports::{Clock, Ports, Transaction},
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
        Denied, FULFILMENT, HearAnswer, Order, PlaceOrder, RequestHandler, answer, fulfilment, kept_to_itself,
        repository,
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
    let handlers = Handlers::builder().on(RESERVATION_ANSWERED, hear(repository, orchestrator.clone()));
    let handlers = handlers.build().expect("one handler for one type");
    let heard = (ports.clone(), wake.clone());
    ports.spawn("consumer", async move { consume(&heard.0, ORDERS, INVENTORY, handlers, heard.1).await });
    answer(&ports, Arc::new(Conductor(orchestrator)), wake).await;
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

/// Starts a saga for each order, and turns it back where its customer wants so.
struct Conductor(Orchestrator);

#[async_trait]
impl RequestHandler for Conductor {
    async fn place(&self, order: PlaceOrder) -> Result<(), Denied> {
        self.0.start(FULFILMENT, &order.id, &order).await?;
        Ok(())
    }

    async fn cancel(&self, order: &str) -> Result<(), Denied> {
        Ok(self.0.cancel(saga_id(FULFILMENT, order)).await?)
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
