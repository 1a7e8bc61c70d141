//! An orchestrator that lives in memory: it writes the order, sends the request, waits for the answer in a task, and confirms.
//! A process that dies meanwhile takes the task with it, and the answer finds nobody.
//!
//! Threads: one order. A crash of its replica is enough, or an answer that comes to the other one.
//!
//! Mechanism: how far it has come stands nowhere but in the task.
//!
//! Trap 15: an orchestrator in memory, whose crash leaves the order pending for ever.
//!
//! Violates: `orders-end`: the order is pending for ever; or `reservations-end`.
//!
//! Right: a saga's log says how far it has come, whoever goes on with it:
//! [`orchestrated`](seaworthy_order_inventory::orchestrated).

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;

use seaworthy_core::{
    aggregate::{Cause, Repository, Tracked},
    inbox::{Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    ports::{Ports, Transaction},
    wake::Wake,
};
use seaworthy_order_inventory::{
    messages::{
        Answer, Goods, INVENTORY, ORDERS, RESERVATION_ANSWERED, RESERVATION_RELEASED, RESERVATION_REQUESTED,
        RESERVATION_SETTLED, RESERVATIONS,
    },
    orders::{Denied, Order, OrderStatus, PlaceOrder, RequestHandler, answer, kept_to_itself, repository},
    parts::{consume, encode, relay_and_retention},
};
use smol_str::SmolStr;
use tokio::sync::oneshot;

use crate::order_inventory::OrderInventory;

/// The orchestrated variant with this mistake.
pub(super) fn twin() -> OrderInventory {
    let about = "an orchestrator waits for the answer in a task of its process, which a crash ends";
    let twin = OrderInventory::orchestrated().with_mistake("orchestrator-in-memory", about).without_saga();
    twin.orders(|ports| Box::pin(orders(ports)))
}

/// The tasks that wait for an answer, by order.
type Waiting = Arc<Mutex<BTreeMap<SmolStr, oneshot::Sender<Answer>>>>;

async fn orders(ports: Ports) {
    let (wake, waiting) = (Wake::new(), Waiting::default());
    relay_and_retention(&ports, ORDERS, &wake);
    let handlers = Handlers::builder().on(RESERVATION_ANSWERED, PassOn(waiting.clone()));
    let handlers = handlers.build().expect("one handler for one type");
    let heard = (ports.clone(), wake.clone());
    ports.spawn("consumer", async move { consume(&heard.0, ORDERS, INVENTORY, handlers, heard.1).await });
    let orders = repository(&ports, kept_to_itself());
    let handler = InMemory { orders, ports: ports.clone(), waiting, wake: wake.clone() };
    answer(&ports, Arc::new(handler), wake).await;
}

struct PassOn(Waiting);

#[async_trait]
impl Handler for PassOn {
    async fn handle(&self, _: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&message.subject);
        if let Some(waiting) = waiting {
            // Whoever waited may have gone.
            let _ = waiting.send(message.json()?);
        }
        Ok(())
    }
}

#[derive(Clone)]
struct InMemory {
    orders: Repository<Order>,
    ports: Ports,
    waiting: Waiting,
    wake: Wake,
}

#[async_trait]
impl RequestHandler for InMemory {
    async fn place(&self, order: PlaceOrder) -> Result<(), Denied> {
        let mut tx = self.ports.store.begin().await?;
        if self.orders.load(&mut *tx, &order.id).await?.is_some() {
            return Ok(());
        }
        let (sender, answer) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(order.id.clone(), sender);
        let placed = Order::placed(order.id.clone(), order.lines.clone());
        self.orders.save(&mut *tx, Tracked::new(placed), Cause::New).await?;
        tx.stage(&self.message(RESERVATION_REQUESTED, &order)).await?;
        tx.commit().await?;
        let (this, conducted) = (self.clone(), order);
        self.ports.spawn("conduct", async move {
            if let Ok(answer) = answer.await {
                // An error in here ends the task, and nobody hears of it.
                let _ = this.conclude(&conducted, answer).await;
            }
        });
        Ok(())
    }

    async fn cancel(&self, order: &str) -> Result<(), Denied> {
        let mut tx = self.ports.store.begin().await?;
        let cancel = |order: &mut Order| {
            order.move_to(OrderStatus::Cancelled)?;
            Ok(PlaceOrder { id: order.id.clone(), lines: order.lines.clone() })
        };
        let called_off = self.orders.update_in(&mut *tx, order, Cause::New, cancel).await?;
        tx.stage(&self.message(RESERVATION_RELEASED, &called_off)).await?;
        Ok(tx.commit().await?)
    }
}

impl InMemory {
    async fn conclude(&self, order: &PlaceOrder, answer: Answer) -> Result<(), Denied> {
        let mut tx = self.ports.store.begin().await?;
        let (status, reason) = match answer {
            Answer::Success => (OrderStatus::Confirmed, None),
            Answer::Failed { reason } => (OrderStatus::Failed, Some(reason)),
        };
        let conclude = |order: &mut Order| {
            order.conclude(status, reason)?;
            Ok(order.status == OrderStatus::Confirmed)
        };
        if self.orders.update_in(&mut *tx, &order.id, Cause::New, conclude).await? {
            tx.stage(&self.message(RESERVATION_SETTLED, order)).await?;
        }
        tx.commit().await?;
        self.wake.hint();
        Ok(())
    }

    fn message(&self, kind: &str, order: &PlaceOrder) -> Message {
        let goods = Goods { order: order.id.clone(), lines: order.lines.clone() };
        let message = MessageBuilder::new(ORDERS, kind, order.id.clone()).topic(RESERVATIONS);
        let message = message.data("application/json", encode(&goods));
        message.draw(&*self.ports.clock, &*self.ports.random)
    }
}
