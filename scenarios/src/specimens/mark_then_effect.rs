//! A consumer that writes the inbox row in one transaction and makes the shipment in the next. A crash between the two, or
//! a failure of the second, and the redelivery counts as a duplicate.

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
        "mark-then-effect",
        "the inbox row is written in one transaction, the shipment made in the next",
        Pieces {
            shipping_consumer: |ports, wake| Box::pin(by_hand::consume(ports, wake, false, handle)),
            ..Pieces::default()
        },
    )
}

async fn handle(ports: Ports, delivery: Delivery) -> Result<(), HandlerError> {
    let mut mark = ports.store.begin().await?;
    if mark.inbox_insert(&InboxEntry::of(SHIPPING, &delivery.message)).await? == InboxInsert::Duplicate {
        return Ok(());
    }
    mark.commit().await?;

    let mut effect = ports.store.begin().await?;
    CreateShipment(Own::of(&ports)).handle(&mut *effect, &delivery.message).await?;
    effect.commit().await?;
    Ok(())
}
