//! A relay that counts every failure against the message, also when the broker is down. After an outage of some seconds
//! nothing is left that anybody would still send.
//!
//! Threads: one relay, and a broker that is out for longer than three attempts take.
//!
//! Mechanism: the budget of attempts is for messages that can't be delivered; an outage, which says nothing about any
//! message, uses it up, and good rows are given up as dead.
//!
//! Violates: `dead-only-injected`, and for the order `lost-event` or `one-shipment`.
//!
//! Right: [`Relay`](seaworthy_core::outbox::Relay) counts an attempt only where the broker refused that very message.

use std::time::Duration;

use seaworthy_core::{
    backoff::Backoff,
    ids::ClaimToken,
    ports::{OutboxRow, Ports, PublishError, SettleOutcome, Settlement},
};
use seaworthy_order_fulfillment::Variant;
use smol_str::SmolStr;

use crate::{order_fulfillment::OrderFulfillment, specimens::by_hand};

/// Returns the broken twin.
pub fn twin() -> OrderFulfillment {
    OrderFulfillment::twin(
        "outage-burns-budget",
        "the relay gives rows up because the broker was down",
        Variant {
            relay: |ports, settings, wake| Box::pin(by_hand::relay(ports, settings, wake, publish_and_count)),
            ..Variant::default()
        },
    )
}

/// After so many failures a message counts as undeliverable.
const ATTEMPTS_MAX: u32 = 3;
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));

async fn publish_and_count(ports: Ports, token: ClaimToken, rows: Vec<OutboxRow>) {
    let messages: Vec<_> = rows.iter().map(|row| row.message.clone()).collect();
    let results = match ports.broker.publish(&messages).await {
        Ok(results) => results,
        Err(error) => rows.iter().map(|_| Err(PublishError::Unavailable(error.to_string().into()))).collect(),
    };
    let settlements: Vec<Settlement> = rows
        .iter()
        .zip(results)
        .map(|(row, result)| {
            let outcome = match result {
                Ok(()) => SettleOutcome::Dispatched,
                Err(error) if row.attempts >= ATTEMPTS_MAX => {
                    SettleOutcome::Dead { reason: SmolStr::from(error.to_string()) }
                }
                Err(error) => SettleOutcome::Retry {
                    delay: BACKOFF.delay(row.attempts - 1, &*ports.random),
                    error: SmolStr::from(error.to_string()),
                },
            };
            Settlement { row: row.row, outcome }
        })
        .collect();
    let _ = ports.store.settle(token, &settlements).await;
}
