//! Each attempt to publish a row draws a new id for the message. An attempt whose answer was lost is made again, and to
//! whoever gets both they are two messages.

use seaworthy_core::ports::{Ports, StoreError, draw_id};

use super::super::{
    PaymentService, Variant,
    poller::{Due, mark},
};

/// The service with this bug.
pub fn service() -> PaymentService {
    PaymentService::with_bug(
        "fresh-id-per-attempt",
        "each attempt to publish a row gives the message an id of its own",
        Variant { publish: |ports, due| Box::pin(publish(ports, due)), ..Variant::default() },
    )
}

async fn publish(ports: Ports, due: Vec<Due>) -> Result<(), StoreError> {
    let fresh = |row: &Due| Due { message_id: draw_id(&*ports.clock, &*ports.random), ..row.clone() }.message();
    let messages: Vec<_> = due.iter().map(fresh).collect();
    match ports.broker.publish(&messages).await {
        Ok(results) => mark(&ports, &due, &results).await,
        Err(_) => Ok(()),
    }
}
