//! The variant without a conductor: each context says what has happened, and draws its conclusions from what the other says.

use std::sync::Arc;

use async_trait::async_trait;
use seaworthy_core::{
    aggregate::{Cause, Repository, Tracked},
    inbox::{Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    ports::{Clock, Ports, Transaction},
    wake::Wake,
};

use crate::{
    inventory::{release, reserve, settle},
    messages::{
        Answer, Goods, INVENTORY, INVENTORY_RESERVED, ORDER_CANCELLED, ORDER_CONFIRMED, ORDER_CREATED, ORDERS,
        RESERVATION_FAILED,
    },
    orders::{Denied, Order, OrderStatus, PlaceOrder, RequestHandler, answer, handler_error, repository, told},
    parts::{consume, relay_and_retention},
};

/// Runs one replica of `orders` until a stop is asked for. Dropping the future ends the requests; the others are tasks of the
/// process and go on until it stops.
pub async fn orders(ports: Ports) {
    let conclude = Conclude(repository(&ports, told()));
    let handlers = Handlers::builder().on(INVENTORY_RESERVED, conclude.clone()).on(RESERVATION_FAILED, conclude);
    orders_with(ports, handlers.build().expect("one handler for one type")).await;
}

/// As [`orders`], with these handlers of what `inventory` says.
pub async fn orders_with(ports: Ports, handlers: Handlers) {
    let wake = Wake::new();
    relay_and_retention(&ports, ORDERS, &wake);
    let heard = (ports.clone(), wake.clone());
    ports.spawn("consumer", async move { consume(&heard.0, ORDERS, INVENTORY, handlers, heard.1).await });
    let handler = Counter { orders: repository(&ports, told()), ports: ports.clone() };
    answer(&ports, Arc::new(handler), wake).await;
}

/// Runs one replica of `inventory` until a stop is asked for.
pub async fn inventory(ports: Ports) {
    let reserve = Reserve(ports.clock.clone());
    inventory_with(ports, reserve, GiveBack).await;
}

/// As [`inventory`], with these handlers of new orders and of cancelled ones.
pub async fn inventory_with(ports: Ports, reserve: impl Handler + 'static, give_back: impl Handler + 'static) {
    let handlers =
        Handlers::builder().on(ORDER_CREATED, reserve).on(ORDER_CONFIRMED, Sell).on(ORDER_CANCELLED, give_back);
    let handlers = handlers.build().expect("one handler for one type");
    let wake = Wake::new();
    relay_and_retention(&ports, INVENTORY, &wake);
    consume(&ports, INVENTORY, ORDERS, handlers, wake).await;
}

/// Takes orders and calls them off: an order is there, and its event with it, in one transaction.
struct Counter {
    orders: Repository<Order>,
    ports: Ports,
}

#[async_trait]
impl RequestHandler for Counter {
    async fn place(&self, order: PlaceOrder) -> Result<(), Denied> {
        let mut tx = self.ports.store.begin().await?;
        if let Some(known) = self.orders.load(&mut *tx, &order.id).await? {
            let same = known.lines == order.lines;
            return if same { Ok(()) } else { Err(Denied::Refused("there is another order of this id".into())) };
        }
        self.orders.save(&mut *tx, Tracked::new(Order::placed(order.id, order.lines)), Cause::New).await?;
        Ok(tx.commit().await?)
    }

    async fn cancel(&self, order: &str) -> Result<(), Denied> {
        let cancel = |order: &mut Order| order.move_to(OrderStatus::Cancelled);
        Ok(self.orders.update(&*self.ports.store, order, Cause::New, cancel).await?)
    }
}

/// Ends an order by what `inventory` says. To one that was cancelled meanwhile it comes too late: `inventory` hears of that by
/// itself.
#[derive(Clone)]
pub struct Conclude(pub Repository<Order>);

#[async_trait]
impl Handler for Conclude {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let (status, reason) = match message.json()? {
            Answer::Success => (OrderStatus::Confirmed, None),
            Answer::Failed { reason } => (OrderStatus::Failed, Some(reason)),
        };
        let conclude = |order: &mut Order| order.conclude(status, reason);
        self.0.update_in(tx, &message.subject, Cause::Message(message), conclude).await.map_err(handler_error)
    }
}

/// Reserves for a new order, and says what came of it in the same transaction.
pub struct Reserve(pub Arc<dyn Clock>);

#[async_trait]
impl Handler for Reserve {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let goods: Goods = message.json()?;
        let answer = reserve(tx, &goods).await?;
        say(tx, &*self.0, message, &answer).await
    }
}

/// Stages what became of an order's goods, as the event that it is.
///
/// # Errors
/// [`HandlerError`] of the store.
pub async fn say(
    tx: &mut dyn Transaction,
    clock: &dyn Clock,
    message: &Message,
    answer: &Answer,
) -> Result<(), HandlerError> {
    let kind = if *answer == Answer::Success { INVENTORY_RESERVED } else { RESERVATION_FAILED };
    let event = MessageBuilder::new(INVENTORY, kind, message.subject.clone()).caused_by(message).json(answer)?;
    tx.stage(&event.derive(message.id.0, &["reservation"], clock.now())).await?;
    Ok(())
}

/// Sells what is reserved for a confirmed order.
pub struct Sell;

#[async_trait]
impl Handler for Sell {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        Ok(settle(tx, &message.subject).await?)
    }
}

/// Gives back what is reserved for a cancelled order.
pub struct GiveBack;

#[async_trait]
impl Handler for GiveBack {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        Ok(release(tx, &message.subject).await?)
    }
}
