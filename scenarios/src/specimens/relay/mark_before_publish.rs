//! A relay that marks rows as dispatched and then publishes them, so that it never publishes twice. Now it may never
//! publish at all.
//!
//! Threads: one relay. A crash behind its settlement, or a publish that fails, is enough.
//!
//! Mechanism: the row counts as sent before the broker has the message; what then keeps the broker from having it leaves no
//! row that would be tried again.
//!
//! Violates: `lost-event`.
//!
//! Right: [`Relay`](seaworthy_core::outbox::Relay) settles a row with what the broker said of its message.

use seaworthy_core::{
    ids::ClaimToken,
    ports::{OutboxRow, Ports, SettleOutcome, Settlement},
};
use seaworthy_order_fulfillment::Variant;

use crate::{order_fulfillment::OrderFulfillment, specimens::by_hand};

/// Returns the broken twin.
pub fn twin() -> OrderFulfillment {
    OrderFulfillment::twin(
        "mark-before-publish",
        "the relay marks rows as sent before the broker has them",
        Variant {
            relay: |ports, settings, wake| Box::pin(by_hand::relay(ports, settings, wake, mark_and_publish)),
            ..Variant::default()
        },
    )
}

async fn mark_and_publish(ports: Ports, token: ClaimToken, rows: Vec<OutboxRow>) {
    let sent: Vec<Settlement> =
        rows.iter().map(|row| Settlement { row: row.row, outcome: SettleOutcome::Dispatched }).collect();
    if ports.store.settle(token, &sent).await.is_ok() {
        let messages: Vec<_> = rows.into_iter().map(|row| row.message).collect();
        let _ = ports.broker.publish(&messages).await;
    }
}
