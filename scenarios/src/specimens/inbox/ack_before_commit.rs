//! A consumer that acknowledges as soon as it has the message, to keep the broker's queue short. What fails afterwards is
//! not delivered again.
//!
//! Threads: one consumer. It is wrong without any fault; a crash or an error behind the acknowledgement loses a message.
//!
//! Mechanism: the broker forgets the message at the acknowledgement, and the transaction that was to be the message's
//! effect comes later or not at all.
//!
//! Violates: `acknowledged-before-handled`, and for the order `one-shipment`.
//!
//! Right: [`Consumer`](seaworthy_core::inbox::Consumer) acknowledges what is committed.

use seaworthy_core::{
    inbox::{Handler, HandlerError},
    ports::{Delivery, InboxEntry, InboxInsert, Ports},
};
use seaworthy_order_fulfillment::{ClockAndRandom, Variant, messages::SHIPPING, shipment::CreateShipment};

use crate::{order_fulfillment::OrderFulfillment, specimens::by_hand};

/// Returns the broken twin.
pub fn twin() -> OrderFulfillment {
    OrderFulfillment::twin(
        "ack-before-commit",
        "the broker hears of success before there is any",
        Variant {
            shipping_consumer: |ports, wake| Box::pin(by_hand::consume(ports, wake, true, handle)),
            ..Variant::default()
        },
    )
}

async fn handle(ports: Ports, delivery: Delivery) -> Result<(), HandlerError> {
    let mut tx = ports.store.begin().await?;
    if tx.inbox_insert(&InboxEntry::for_message(SHIPPING, &delivery.message)).await? == InboxInsert::Duplicate {
        return Ok(());
    }
    CreateShipment(ClockAndRandom::from_ports(&ports)).handle(&mut *tx, &delivery.message).await?;
    tx.commit().await?;
    Ok(())
}
