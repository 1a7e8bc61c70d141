//! The release is the compensation of the step that hears the answer, and not of the one that asks. An order that is called off while
//! its request is on the way has nothing to undo, and what is reserved for it then stays reserved.
//!
//! Threads: a customer who calls an order off, and the request on its way.
//!
//! Mechanism: a step is undone only if it is done, and the effect was had by an earlier one.
//!
//! Violates: `handled-without-effect`: the answer comes to a saga that has ended, and nothing follows from it; or `reservations-end`: units
//! stay reserved for nobody.
//!
//! Right: in [`fulfilment`](seaworthy_order_inventory::orders::fulfilment) the step that asks is undone by the release, and
//! [`release`](seaworthy_order_inventory::inventory::release) leaves a mark where the request has not come yet.

use seaworthy_core::{
    aggregate::Repository,
    saga::{Definition, DefinitionError, SagaBuilder},
};
use seaworthy_order_inventory::{
    orchestrated::orders_with,
    orders::{Ask, CloseOrder, ConfirmOrder, FULFILMENT, Hear, HearAnswer, Order, PlaceOrder, Release, Settle},
};

use crate::order_inventory::OrderInventory;

/// The orchestrated variant with this mistake.
pub(super) fn twin() -> OrderInventory {
    let about = "an order that is called off before its answer comes releases nothing";
    let twin = OrderInventory::orchestrated().with_mistake("releases-what-was-answered", about).without_saga();
    twin.orders(|ports| Box::pin(orders_with(ports, definition, HearAnswer)))
}

fn definition(orders: &Repository<Order>) -> Result<Definition<PlaceOrder>, DefinitionError> {
    SagaBuilder::new(FULFILMENT, 1)
        .compensatable("reserve", Ask, CloseOrder(orders.clone()))
        .compensatable("answer", Hear, Release)
        .pivot("confirm_order", ConfirmOrder(orders.clone()))
        .retriable("settle", Settle)
        .build()
}
