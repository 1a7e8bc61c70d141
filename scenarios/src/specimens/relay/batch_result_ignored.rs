//! A relay that looks at the result of the batch and not at the results of its messages: those that were throttled count
//! as sent.
//!
//! Threads: one relay, and a broker that takes some messages of a batch and not others.
//!
//! Mechanism: `publish` succeeds as a call and answers for each message by itself; only the call's own success is looked at,
//! and every row of the batch is settled as dispatched.
//!
//! Violates: `lost-event`.
//!
//! Right: [`Relay`](seaworthy_core::outbox::Relay) settles each row with its own result.

use std::time::Duration;

use seaworthy_core::{
    ids::ClaimToken,
    ports::{OutboxRow, Ports, SettleOutcome, Settlement},
};
use seaworthy_order_fulfillment::Variant;

use crate::{order_fulfillment::OrderFulfillment, specimens::by_hand};

/// Returns the broken twin.
pub fn twin() -> OrderFulfillment {
    OrderFulfillment::twin(
        "batch-result-ignored",
        "the relay takes the broker's word on the batch for its word on each message",
        Variant {
            relay: |ports, settings, wake| Box::pin(by_hand::relay(ports, settings, wake, publish_and_mark)),
            ..Variant::default()
        },
    )
}

async fn publish_and_mark(ports: Ports, token: ClaimToken, rows: Vec<OutboxRow>) {
    let (ids, messages): (Vec<_>, Vec<_>) = rows.into_iter().map(|row| (row.row, row.message)).unzip();
    let outcome = match ports.broker.publish(&messages).await {
        Ok(_) => SettleOutcome::Dispatched,
        Err(_) => SettleOutcome::Release { delay: Duration::from_secs(1) },
    };
    let settlements: Vec<Settlement> =
        ids.into_iter().map(|row| Settlement { row, outcome: outcome.clone() }).collect();
    let _ = ports.store.settle(token, &settlements).await;
}
