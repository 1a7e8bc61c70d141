//! A relay that counts every failure against the message, also when the broker is down. After an outage of some seconds
//! nothing is left that anybody would still send.
//!
//! Threads: one relay, and a broker that is out for longer than three attempts take.
//!
//! Mechanism: the budget of attempts is for messages that can't be delivered; an outage, which says nothing about any
//! message, uses it up, and good rows are given up as dead.
//!
//! Violates: `dead-only-injected`; in the shop also `lost-event` or `one-shipment`.
//!
//! Right: the twin below gives up only what the broker refused for good. [`Relay`](seaworthy_core::outbox::Relay) counts an
//! attempt only where others pass meanwhile.

use std::time::Duration;

use seaworthy_core::{
    backoff::Backoff,
    ids::ClaimToken,
    ports::{OutboxRow, Ports, PublishError, SettleOutcome, Settlement},
};
use smol_str::SmolStr;

use super::topology;
use crate::{
    small::SmallService,
    specimens::by_hand::{self, settle},
};

/// The specimen and its right twin.
pub fn pair() -> (SmallService, SmallService) {
    let broken = SmallService {
        name: "relay/outage-burns-budget",
        about: "the relay gives rows up because the broker was down",
        topology: || topology(publish_and_count),
    };
    let right = SmallService {
        name: "relay/outage-burns-budget/right",
        about: "the relay gives up only what the broker refused for good; everything is right",
        topology: || topology(publish_with_patience),
    };
    (broken, right)
}

/// After so many failures a message counts as undeliverable.
const ATTEMPTS_MAX: u32 = 3;
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));

pub(in crate::specimens) async fn publish_and_count(ports: Ports, token: ClaimToken, rows: Vec<OutboxRow>) {
    publish(ports, token, rows, |_, attempts| attempts >= ATTEMPTS_MAX).await;
}

async fn publish_with_patience(ports: Ports, token: ClaimToken, rows: Vec<OutboxRow>) {
    publish(ports, token, rows, |error, _| matches!(error, PublishError::Refused(_))).await;
}

/// Publishes rows; one that failed is given up for good, or tried again.
async fn publish(ports: Ports, token: ClaimToken, rows: Vec<OutboxRow>, gives_up: fn(&PublishError, u32) -> bool) {
    let messages: Vec<_> = rows.iter().map(|row| row.message.clone()).collect();
    let results = by_hand::publish(&ports, &messages).await;
    let settled = |(row, result): (&OutboxRow, _)| {
        let outcome = match result {
            Ok(()) => SettleOutcome::Dispatched,
            Err(error) if gives_up(&error, row.attempts) => {
                SettleOutcome::Dead { reason: SmolStr::from(error.to_string()) }
            }
            Err(error) => SettleOutcome::Retry {
                delay: BACKOFF.delay(row.attempts - 1, &*ports.random),
                error: SmolStr::from(error.to_string()),
            },
        };
        Settlement { row: row.row, outcome }
    };
    let settlements: Vec<Settlement> = rows.iter().zip(results).map(settled).collect();
    settle(&ports, token, &settlements, &messages).await;
}
