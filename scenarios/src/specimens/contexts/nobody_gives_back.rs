//! Nobody tells `inventory` that an order was called off: the order thinks of itself alone, and an answer that comes late is
//! ignored. What was reserved for it stays so for ever.
//!
//! Threads: a customer who calls an order off, and the answer on its way.
//!
//! Mechanism: what is to be undone was decided when the order was called off, by what had been heard until then.
//!
//! Violates: `handled-without-effect`, since what is handled leaves nothing; or `reservations-end`: units stay reserved for nobody.
//!
//! Right: [`GiveBack`](seaworthy_order_inventory::choreographed::GiveBack) hears of it, whether the reservation comes first or
//! not.

use async_trait::async_trait;
use seaworthy_core::{
    inbox::{Handler, HandlerError},
    message::Message,
    ports::Transaction,
};
use seaworthy_order_inventory::choreographed::{Reserve, inventory_with};

use crate::order_inventory::OrderInventory;

/// The choreographed variant with this mistake.
pub(super) fn twin() -> OrderInventory {
    let about = "what was reserved for an order that is called off stays reserved";
    OrderInventory::choreographed().with_mistake("nobody-gives-back", about).inventory(|ports| {
        let reserve = Reserve(ports.clock.clone());
        Box::pin(inventory_with(ports, reserve, Ignore))
    })
}

struct Ignore;

#[async_trait]
impl Handler for Ignore {
    async fn handle(&self, _: &mut dyn Transaction, _: &Message) -> Result<(), HandlerError> {
        Ok(())
    }
}
