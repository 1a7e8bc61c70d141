//! A poller that marks rows as sent and then publishes them, so that it never publishes twice. Now it may never publish
//! at all.

use seaworthy_core::ports::{Ports, StoreError};

use super::super::{
    PaymentService, Variant,
    poller::{Due, mark},
};

/// The service with this bug.
pub fn service() -> PaymentService {
    PaymentService::with_bug(
        "mark-then-publish",
        "the poller marks rows as sent before the broker has them",
        Variant { publish: |ports, due| Box::pin(publish(ports, due)), ..Variant::default() },
    )
}

async fn publish(ports: Ports, due: Vec<Due>) -> Result<(), StoreError> {
    let sent = vec![Ok(()); due.len()];
    mark(&ports, &due, &sent).await?;
    let messages: Vec<_> = due.iter().map(Due::message).collect();
    let _ = ports.broker.publish(&messages).await;
    Ok(())
}
