//! A consumer that acknowledges as soon as it has the message, to keep the broker's queue short. What fails afterwards is
//! not delivered again.

use seaworthy_core::{
    inbox::{Handler, HandlerError},
    ports::{Delivery, InboxEntry, InboxInsert, Ports},
};

use super::by_hand;
use crate::order_fulfillment::{
    OrderFulfillment,
    process::{
        Own, Pieces,
        shipping::{CreateShipment, SHIPPING},
    },
};

/// The specimen.
pub fn twin() -> OrderFulfillment {
    OrderFulfillment::twin(
        "ack-before-commit",
        "the broker hears of success before there is any",
        Pieces {
            shipping_consumer: |ports, wake| Box::pin(by_hand::consume(ports, wake, true, handle)),
            ..Pieces::default()
        },
    )
}

async fn handle(ports: Ports, delivery: Delivery) -> Result<(), HandlerError> {
    let mut tx = ports.store.begin().await?;
    if tx.inbox_insert(&InboxEntry::of(SHIPPING, &delivery.message)).await? == InboxInsert::Duplicate {
        return Ok(());
    }
    CreateShipment(Own::of(&ports)).handle(&mut *tx, &delivery.message).await?;
    tx.commit().await?;
    Ok(())
}
