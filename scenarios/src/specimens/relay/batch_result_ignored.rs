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
//! Right: the twin below settles each row with its own result, as [`Relay`](seaworthy_core::outbox::Relay) does.

use std::time::Duration;

use seaworthy_core::{
    ids::ClaimToken,
    ports::{OutboxRow, Ports, SettleOutcome, Settlement},
};

use super::topology;
use crate::{
    small::SmallService,
    specimens::by_hand::{self, outcome, settle},
};

/// The specimen and its right twin.
pub fn pair() -> (SmallService, SmallService) {
    let broken = SmallService {
        name: "relay/batch-result-ignored",
        about: "the relay takes the broker's word on the batch for its word on each message",
        topology: || topology(settle_the_batch),
    };
    let right = SmallService {
        name: "relay/batch-result-ignored/right",
        about: "the relay settles each row by the broker's word on its message; everything is right",
        topology: || topology(settle_each),
    };
    (broken, right)
}

pub(in crate::specimens) async fn settle_the_batch(ports: Ports, token: ClaimToken, rows: Vec<OutboxRow>) {
    let (ids, messages): (Vec<_>, Vec<_>) = rows.into_iter().map(|row| (row.row, row.message)).unzip();
    let outcome = match ports.broker.publish(&messages).await {
        Ok(_) => SettleOutcome::Dispatched,
        Err(_) => SettleOutcome::Release { delay: Duration::from_secs(1) },
    };
    let settlements: Vec<Settlement> =
        ids.into_iter().map(|row| Settlement { row, outcome: outcome.clone() }).collect();
    let _ = ports.store.settle(token, &settlements).await;
}

async fn settle_each(ports: Ports, token: ClaimToken, rows: Vec<OutboxRow>) {
    let (ids, messages): (Vec<_>, Vec<_>) = rows.into_iter().map(|row| (row.row, row.message)).unzip();
    let results = by_hand::publish(&ports, &messages).await;
    let settled = |(row, result)| Settlement { row, outcome: outcome(result) };
    let settlements: Vec<Settlement> = ids.into_iter().zip(results).map(settled).collect();
    settle(&ports, token, &settlements, &messages).await;
}
