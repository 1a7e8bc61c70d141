//! An orchestrator goes on without an answer after a moment, as if it had been yes: it always is, and the stock was only slow.
//!
//! Threads: one order that wants more than there is, and an answer that is late.
//!
//! Mechanism: a timeout is taken for an outcome.
//!
//! Violates: `units-sold`: nothing is sold for a confirmed order; or `dead-only-injected`: the stock refuses to settle it.
//!
//! Right: [`Hear`](seaworthy_order_inventory::orders::Hear) waits for as long as it takes. Where that is too long, the step is
//! rejected at its limit ([`or_reject`](seaworthy_core::saga::Wait::or_reject)), and the release goes after the request.

use std::time::Duration;

use async_trait::async_trait;
use seaworthy_core::{
    aggregate::Repository,
    ports::Transaction,
    saga::{
        Action, AtLimit, Awaits, Definition, DefinitionError, NothingToUndo, SagaBuilder, StepCall, StepError, Until,
        Value,
    },
};
use seaworthy_order_inventory::{
    messages::RESERVATION_ANSWERED,
    orchestrated::orders_with,
    orders::{Ask, ConfirmOrder, FULFILMENT, Hear, HearAnswer, Order, PlaceOrder, Settle, Withdraw},
};

use crate::order_inventory::OrderInventory;

/// Time after which silence is consent: longer than an answer takes where nothing fails.
const PATIENCE: Duration = Duration::from_millis(250);

/// The orchestrated variant with this mistake.
pub(super) fn twin() -> OrderInventory {
    let about = "an answer that is late is taken for yes";
    let twin = OrderInventory::orchestrated().with_mistake("takes-silence-for-yes", about).without_saga();
    twin.orders(|ports| Box::pin(orders_with(ports, definition, HearAnswer)))
}

fn definition(orders: &Repository<Order>) -> Result<Definition<PlaceOrder>, DefinitionError> {
    SagaBuilder::new(FULFILMENT, 1)
        .compensatable("reserve", Ask, Withdraw(orders.clone()))
        .compensatable("answer", HearOrGuess, NothingToUndo)
        .pivot("confirm_order", ConfirmOrder(orders.clone()))
        .retriable("settle", Settle)
        .build()
}

/// Waits for the answer, and not for long.
struct HearOrGuess;

#[async_trait]
impl Action<PlaceOrder> for HearOrGuess {
    fn awaits(&self) -> Option<Awaits> {
        Some(Awaits::Signal { name: RESERVATION_ANSWERED.into(), at_limit: AtLimit::Output(Value::NULL) })
    }

    fn until(&self, _: &StepCall<'_, PlaceOrder>) -> Until {
        Until::After(PATIENCE)
    }

    async fn apply(
        &self,
        tx: &mut dyn Transaction,
        call: &StepCall<'_, PlaceOrder>,
        heard: Value,
    ) -> Result<Value, StepError> {
        if heard == Value::NULL { Ok(Value::NULL) } else { Hear.apply(tx, call, heard).await }
    }
}
