//! A reservation takes one article after the other, and says that it failed at the first one of which there is not enough. Its
//! transaction commits that word, and with it what the articles before were reduced by.
//!
//! Threads: one handler, one message.
//!
//! Mechanism: all or nothing is the transaction's promise only where the transaction is given up; a failure that is an answer
//! commits.
//!
//! Trap 13: earlier articles are taken, and the failure commits that.
//!
//! Violates: `units-reserved`: units are held back for no reservation.
//!
//! Right: [`reserve`](seaworthy_order_inventory::inventory::reserve) looks at all articles before it takes the first.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use seaworthy_core::{
    inbox::{Handler, HandlerError},
    message::Message,
    ports::{Clock, Expected, Transaction},
};
use seaworthy_order_inventory::{
    choreographed::{GiveBack, inventory_with, say},
    inventory::{RESERVATION_COLLECTION, Reservation, ReservationState, StockLevel, level, mark_released, write_level},
    messages::{Answer, Goods},
    parts::encode,
};

use crate::order_inventory::OrderInventory;

/// The choreographed variant with this mistake.
pub(super) fn twin() -> OrderInventory {
    let about = "a reservation that fails keeps what it had taken of the articles before";
    OrderInventory::choreographed().with_mistake("takes-before-it-fails", about).inventory(|ports| {
        let reserve = TakeOneByOne(ports.clock.clone());
        Box::pin(inventory_with(ports, reserve, GiveBack))
    })
}

struct TakeOneByOne(Arc<dyn Clock>);

#[async_trait]
impl Handler for TakeOneByOne {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let goods: Goods = message.json()?;
        let mut units = BTreeMap::new();
        for line in &goods.lines {
            let (stock, expected) = level(tx, &line.sku).await?;
            let wanted = i64::from(line.units);
            if stock.available < wanted {
                mark_released(tx, &goods.order).await?;
                let failed = Answer::Failed { reason: format!("not enough of {}", line.sku).into() };
                return say(tx, &*self.0, message, &failed).await;
            }
            let taken = StockLevel { available: stock.available - wanted, reserved: stock.reserved + wanted, ..stock };
            write_level(tx, &line.sku, expected, &taken).await?;
            *units.entry(line.sku.clone()).or_default() += line.units;
        }
        let reservation = Reservation { units, state: ReservationState::Reserved };
        tx.put(RESERVATION_COLLECTION, &goods.order, Expected::Absent, encode(&reservation)).await?;
        say(tx, &*self.0, message, &Answer::Success).await
    }
}
