//! A consumer that makes the shipment in one transaction and writes the inbox row in the next. A crash between the two
//! makes a second shipment.
//!
//! Threads: one consumer, and the redelivery of its message. A crash or a lost reply between the two commits is enough.
//!
//! Mechanism: the redelivery looks into the inbox, finds no row, since the second transaction never took place, and makes
//! the shipment again.
//!
//! Violates: `one-shipment`.
//!
//! Right: [`Consumer`](seaworthy_core::inbox::Consumer) writes the inbox row in the transaction of the handler.

use seaworthy_core::{
    inbox::{Handler, HandlerError},
    ports::{Delivery, InboxEntry, InboxInsert, Ports},
};
use seaworthy_order_fulfillment::{ClockAndRandom, Variant, messages::SHIPPING, shipment::CreateShipment};

use crate::{order_fulfillment::OrderFulfillment, specimens::by_hand};

/// Returns the broken twin.
pub fn twin() -> OrderFulfillment {
    OrderFulfillment::twin(
        "effect-then-mark",
        "the shipment is made in one transaction, the inbox row written in the next",
        Variant {
            shipping_consumer: |ports, wake| Box::pin(by_hand::consume(ports, wake, false, handle)),
            ..Variant::default()
        },
    )
}

async fn handle(ports: Ports, delivery: Delivery) -> Result<(), HandlerError> {
    let entry = InboxEntry::for_message(SHIPPING, &delivery.message);
    let mut look = ports.store.begin().await?;
    if look.inbox_insert(&entry).await? == InboxInsert::Duplicate {
        return Ok(());
    }
    drop(look);

    let mut effect = ports.store.begin().await?;
    CreateShipment(ClockAndRandom::from_ports(&ports)).handle(&mut *effect, &delivery.message).await?;
    effect.commit().await?;

    let mut mark = ports.store.begin().await?;
    mark.inbox_insert(&entry).await?;
    mark.commit().await?;
    Ok(())
}
