//! The broker answers a batch with one result for each message, and the poller looks at none of them: where the batch
//! went through, all of its rows are marked as sent.

use seaworthy_core::ports::{Ports, StoreError};

use super::super::{
    PaymentService, Variant,
    poller::{Due, mark},
};

/// The service with this bug.
pub fn service() -> PaymentService {
    PaymentService::with_bug(
        "batch-result-ignored",
        "the broker's word on the batch is taken for its word on each message",
        Variant { publish: |ports, due| Box::pin(publish(ports, due)), ..Variant::default() },
    )
}

async fn publish(ports: Ports, due: Vec<Due>) -> Result<(), StoreError> {
    let messages: Vec<_> = due.iter().map(Due::message).collect();
    match ports.broker.publish(&messages).await {
        Ok(_) => mark(&ports, &due, &vec![Ok(()); due.len()]).await,
        Err(_) => Ok(()),
    }
}
