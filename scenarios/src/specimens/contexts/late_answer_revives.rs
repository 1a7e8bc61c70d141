//! An order takes whatever `inventory` says for its status. One that its customer has called off meanwhile is confirmed by an
//! answer that comes late, and `inventory` has given the units back by then, or will.
//!
//! Threads: a customer who calls an order off, and the answer on its way.
//!
//! Mechanism: a change of state that does not look at the state.
//!
//! Trap 14: a late "reserved" revives an order that was cancelled.
//!
//! Violates: `order-life-cycle`.
//!
//! Right: [`Order::conclude`](seaworthy_order_inventory::orders::Order::conclude) leaves an order that has come to an end as
//! it is.

use async_trait::async_trait;
use seaworthy_core::{
    aggregate::{Cause, Repository},
    inbox::{Handler, HandlerError, Handlers},
    message::Message,
    ports::Transaction,
};
use seaworthy_order_inventory::{
    choreographed::orders_with,
    messages::{Answer, INVENTORY_RESERVED, RESERVATION_FAILED},
    orders::{Order, OrderStatus, handler_error, repository, told},
};

use crate::order_inventory::OrderInventory;

/// The choreographed variant with this mistake.
pub(super) fn twin() -> OrderInventory {
    let about = "an answer that comes late confirms an order that was called off";
    OrderInventory::choreographed().with_mistake("late-answer-revives", about).orders(|ports| {
        let handlers = Handlers::builder()
            .on(INVENTORY_RESERVED, Overwrite(repository(&ports, told())))
            .on(RESERVATION_FAILED, Overwrite(repository(&ports, told())));
        Box::pin(orders_with(ports, handlers.build().expect("one handler for one type")))
    })
}

struct Overwrite(Repository<Order>);

#[async_trait]
impl Handler for Overwrite {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let (status, reason) = match message.json()? {
            Answer::Success => (OrderStatus::Confirmed, None),
            Answer::Failed { reason } => (OrderStatus::Failed, Some(reason)),
        };
        let overwrite = |order: &mut Order| {
            (order.status, order.reason) = (status, reason);
            Ok(())
        };
        self.0.update_in(tx, &message.subject, Cause::Message(message), overwrite).await.map_err(handler_error)
    }
}
