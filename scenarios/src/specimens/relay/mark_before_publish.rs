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
//! Right: the twin below publishes first, and settles each row with what the broker said of its message, as
//! [`Relay`](seaworthy_core::outbox::Relay) does.

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
        name: "relay/mark-before-publish",
        about: "the relay marks rows as sent before the broker has them",
        topology: || topology(mark_and_publish),
    };
    let right = SmallService {
        name: "relay/mark-before-publish/right",
        about: "the relay marks rows as sent once the broker has them; everything is right",
        topology: || topology(publish_and_mark),
    };
    (broken, right)
}

pub(in crate::specimens) async fn mark_and_publish(ports: Ports, token: ClaimToken, rows: Vec<OutboxRow>) {
    let sent: Vec<Settlement> =
        rows.iter().map(|row| Settlement { row: row.row, outcome: SettleOutcome::Dispatched }).collect();
    if ports.store.settle(token, &sent).await.is_ok() {
        let messages: Vec<_> = rows.into_iter().map(|row| row.message).collect();
        let _ = ports.broker.publish(&messages).await;
    }
}

async fn publish_and_mark(ports: Ports, token: ClaimToken, rows: Vec<OutboxRow>) {
    let (ids, messages): (Vec<_>, Vec<_>) = rows.into_iter().map(|row| (row.row, row.message)).unzip();
    let results = by_hand::publish(&ports, &messages).await;
    let settled = |(row, result)| Settlement { row, outcome: outcome(result) };
    let settlements: Vec<Settlement> = ids.into_iter().zip(results).map(settled).collect();
    settle(&ports, token, &settlements, &messages).await;
}
