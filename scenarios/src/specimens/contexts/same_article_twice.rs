//! Each line of an order is held against the stock as it was before the order, and then all of them are taken. An order that
//! names an article twice gets more of it than there is.
//!
//! Threads: one handler, one message.
//!
//! Mechanism: check all, then apply all; the checks share one view, in which the order's own other lines do not count.
//!
//! Violates: `units-conserved`: the article has a negative number of units.
//!
//! Right: [`reserve`](seaworthy_order_inventory::inventory::reserve) adds up what is wanted of each article first.

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
    let about = "each line of an order is held against the whole stock, also where two name one article";
    OrderInventory::choreographed().with_mistake("same-article-twice", about).inventory(|ports| {
        let reserve = CheckEachLine(ports.clock.clone());
        Box::pin(inventory_with(ports, reserve, GiveBack))
    })
}

struct CheckEachLine(Arc<dyn Clock>);

#[async_trait]
impl Handler for CheckEachLine {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let goods: Goods = message.json()?;
        for line in &goods.lines {
            if level(tx, &line.sku).await?.0.available < i64::from(line.units) {
                mark_released(tx, &goods.order).await?;
                let failed = Answer::Failed { reason: format!("not enough of {}", line.sku).into() };
                return say(tx, &*self.0, message, &failed).await;
            }
        }
        let mut units = BTreeMap::new();
        for line in &goods.lines {
            let (stock, expected) = level(tx, &line.sku).await?;
            let wanted = i64::from(line.units);
            let taken = StockLevel { available: stock.available - wanted, reserved: stock.reserved + wanted, ..stock };
            write_level(tx, &line.sku, expected, &taken).await?;
            *units.entry(line.sku.clone()).or_default() += line.units;
        }
        let reservation = Reservation { units, state: ReservationState::Reserved };
        tx.put(RESERVATION_COLLECTION, &goods.order, Expected::Absent, encode(&reservation)).await?;
        say(tx, &*self.0, message, &Answer::Success).await
    }
}
