//! A consumer that writes the inbox row in one transaction and makes the shipment in the next. A crash between the two, or
//! a failure of the second, and the redelivery counts as a duplicate.
//!
//! Threads: one consumer, and the redelivery of its message. A crash or an error between the two commits is enough.
//!
//! Mechanism: the message counts as handled before anything is done for it; whoever gets it again finds the row and
//! acknowledges.
//!
//! Violates: `handled-without-effect`, and for the order `one-shipment`.
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
        "mark-then-effect",
        "the inbox row is written in one transaction, the shipment made in the next",
        Variant {
            shipping_consumer: |ports, wake| Box::pin(by_hand::consume(ports, wake, false, handle)),
            ..Variant::default()
        },
    )
}

async fn handle(ports: Ports, delivery: Delivery) -> Result<(), HandlerError> {
    let mut mark = ports.store.begin().await?;
    if mark.inbox_insert(&InboxEntry::for_message(SHIPPING, &delivery.message)).await? == InboxInsert::Duplicate {
        return Ok(());
    }
    mark.commit().await?;

    let mut effect = ports.store.begin().await?;
    CreateShipment(ClockAndRandom::from_ports(&ports)).handle(&mut *effect, &delivery.message).await?;
    effect.commit().await?;
    Ok(())
}
