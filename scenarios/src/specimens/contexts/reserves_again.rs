//! A consumer without an inbox, whose reservation does not ask whether there is one already. What the broker delivers twice
//! takes the units twice.
//!
//! Threads: one consumer, and the redelivery of its message: a crash before the acknowledgement is enough.
//!
//! Mechanism: neither the message's id nor the order's is looked up before the effect.
//!
//! Trap 14: no inbox, so that a duplicate reserves twice.
//!
//! Violates: `units-reserved`: units are held back twice for one reservation; or `duplicate-effect`.
//!
//! Right: [`Consumer`](seaworthy_core::inbox::Consumer) remembers the message in the transaction of its effect, and
//! [`reserve`](seaworthy_order_inventory::inventory::reserve) gives the same answer to whoever asks again.

use std::collections::BTreeMap;

use seaworthy_core::{
    inbox::{Handler, HandlerError},
    message::MessageBuilder,
    ports::{Delivery, Expected, Ports},
    wake::Wake,
};
use seaworthy_order_inventory::{
    choreographed::{GiveBack, Sell},
    inventory::{RESERVATION_COLLECTION, Reservation, ReservationState, StockLevel, level, write_level},
    messages::{
        Answer, Goods, INVENTORY, INVENTORY_RESERVED, ORDER_CONFIRMED, ORDER_CREATED, ORDERS, RESERVATION_FAILED,
    },
    parts::{encode, relay_and_retention},
};

use crate::{
    order_inventory::OrderInventory,
    specimens::by_hand::{Acknowledge, consume},
};

/// The choreographed variant with this mistake.
pub(super) fn twin() -> OrderInventory {
    let about = "a message that comes twice takes its units twice, since nobody looks whether it was there";
    OrderInventory::choreographed().with_mistake("reserves-again", about).inventory(|ports| {
        Box::pin(async move {
            let wake = Wake::new();
            relay_and_retention(&ports, INVENTORY, &wake);
            consume(ports, (INVENTORY, ORDERS), wake, Acknowledge::Handled, handle).await;
        })
    })
}

async fn handle(ports: Ports, delivery: Delivery) -> Result<(), HandlerError> {
    let message = &delivery.message;
    let mut tx = ports.store.begin().await?;
    match message.kind.as_str() {
        ORDER_CREATED => {
            let goods: Goods = message.json()?;
            let mut units = BTreeMap::<_, u32>::new();
            for line in &goods.lines {
                *units.entry(line.sku.clone()).or_default() += line.units;
            }
            let mut answer = Answer::Success;
            for (sku, wanted) in &units {
                let (stock, expected) = level(&mut *tx, sku).await?;
                let wanted = i64::from(*wanted);
                if stock.available < wanted {
                    // What was taken before it goes with this transaction.
                    answer = Answer::Failed { reason: format!("not enough of {sku}").into() };
                    tx = ports.store.begin().await?;
                    break;
                }
                let taken =
                    StockLevel { available: stock.available - wanted, reserved: stock.reserved + wanted, ..stock };
                write_level(&mut *tx, sku, expected, &taken).await?;
            }
            if answer == Answer::Success {
                let reservation = Reservation { units, state: ReservationState::Reserved };
                tx.put(RESERVATION_COLLECTION, &goods.order, Expected::Any, encode(&reservation)).await?;
            }
            let kind = if answer == Answer::Success { INVENTORY_RESERVED } else { RESERVATION_FAILED };
            let event =
                MessageBuilder::new(INVENTORY, kind, message.subject.clone()).caused_by(message).json(&answer)?;
            tx.stage(&event.draw(&*ports.clock, &*ports.random)).await?;
        }
        ORDER_CONFIRMED => Sell.handle(&mut *tx, message).await?,
        _ => GiveBack.handle(&mut *tx, message).await?,
    }
    Ok(tx.commit().await?)
}
