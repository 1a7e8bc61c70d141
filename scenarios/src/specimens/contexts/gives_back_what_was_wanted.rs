//! For an order that is called off, `inventory` gives back what the order wanted, and not what was reserved for it. Where
//! nothing was, because there was not enough of something, units come out of nowhere.
//!
//! Threads: a customer who calls an order off, and the refusal on its way.
//!
//! Mechanism: the compensation goes by the request, and not by what the request has come to.
//!
//! Violates: `reservation-life-cycle`: a refusal becomes a release; or `units-reserved`.
//!
//! Right: [`release`](seaworthy_order_inventory::inventory::release) goes by the reservation.

use async_trait::async_trait;
use seaworthy_core::{
    inbox::{Handler, HandlerError},
    message::Message,
    ports::{Expected, Transaction},
};
use seaworthy_order_inventory::{
    choreographed::{Reserve, inventory_with},
    inventory::{RESERVATION_COLLECTION, Reservation, ReservationState, StockLevel, level, write_level},
    messages::Goods,
    parts::encode,
};

use crate::order_inventory::OrderInventory;

/// The choreographed variant with this mistake.
pub(super) fn twin() -> OrderInventory {
    let about = "an order that is called off gives back what it wanted, and not what was reserved for it";
    OrderInventory::choreographed().with_mistake("gives-back-what-was-wanted", about).inventory(|ports| {
        let reserve = Reserve(ports.clock.clone());
        Box::pin(inventory_with(ports, reserve, GiveBackAll))
    })
}

struct GiveBackAll;

#[async_trait]
impl Handler for GiveBackAll {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let goods: Goods = message.json()?;
        for line in &goods.lines {
            let (stock, expected) = level(tx, &line.sku).await?;
            let units = i64::from(line.units);
            let back = StockLevel { available: stock.available + units, reserved: stock.reserved - units, ..stock };
            write_level(tx, &line.sku, expected, &back).await?;
        }
        let released = Reservation { units: [].into(), state: ReservationState::Released };
        tx.put(RESERVATION_COLLECTION, &goods.order, Expected::Any, encode(&released)).await?;
        Ok(())
    }
}
