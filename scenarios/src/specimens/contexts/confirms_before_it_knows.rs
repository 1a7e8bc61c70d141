//! The order is confirmed as soon as the stock is asked, and the answer is waited for behind the point of no return. Where it is no,
//! nothing can be undone any more.
//!
//! Threads: one order that wants more than there is.
//!
//! Mechanism: the pivot stands before what decides about it.
//!
//! Violates: `units-sold`: nothing is sold for a confirmed order; or `dead-only-injected`: the stock refuses to settle it.
//!
//! Right: in [`fulfilment`](seaworthy_order_inventory::orders::fulfilment) the confirmation comes after the answer.

use async_trait::async_trait;
use seaworthy_core::{
    aggregate::Repository,
    ports::Transaction,
    saga::{Action, AtLimit, Awaits, Definition, DefinitionError, SagaBuilder, StepCall, StepError, Value},
};
use seaworthy_order_inventory::{
    messages::RESERVATION_ANSWERED,
    orchestrated::orders_with,
    orders::{Ask, ConfirmOrder, FULFILMENT, HearAnswer, Order, PlaceOrder, Settle, Withdraw},
};

use crate::order_inventory::OrderInventory;

/// The orchestrated variant with this mistake.
pub(super) fn twin() -> OrderInventory {
    let about = "an order is confirmed before anybody knows whether there is enough";
    let twin = OrderInventory::orchestrated().with_mistake("confirms-before-it-knows", about).without_saga();
    twin.orders(|ports| Box::pin(orders_with(ports, definition, HearAnswer)))
}

fn definition(orders: &Repository<Order>) -> Result<Definition<PlaceOrder>, DefinitionError> {
    SagaBuilder::new(FULFILMENT, 1)
        .compensatable("reserve", Ask, Withdraw(orders.clone()))
        .pivot("confirm_order", ConfirmOrder(orders.clone()))
        .retriable("answer", HearWhatever)
        .retriable("settle", Settle)
        .build()
}

/// Waits for the answer, whatever it says.
struct HearWhatever;

#[async_trait]
impl Action<PlaceOrder> for HearWhatever {
    fn awaits(&self) -> Option<Awaits> {
        Some(Awaits::Signal { name: RESERVATION_ANSWERED.into(), at_limit: AtLimit::None })
    }

    async fn apply(&self, _: &mut dyn Transaction, _: &StepCall<'_, PlaceOrder>, _: Value) -> Result<Value, StepError> {
        Ok(Value::NULL)
    }
}
