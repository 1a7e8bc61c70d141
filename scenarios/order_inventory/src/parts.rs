//! Parts that both contexts have in the same form.

use std::time::Duration;

use bytes::Bytes;
use seaworthy_core::{
    inbox::{Consumer, Handlers, InboxRetention},
    outbox::{OutboxRetention, Relay},
    ports::Ports,
    wake::Wake,
};
use serde::Serialize;

/// Time in which the broker may deliver a message again.
const REDELIVERY_WINDOW: Duration = Duration::from_secs(10 * 60);
/// Time for which inbox rows are kept: longer than that.
const KEEP_INBOX: Duration = Duration::from_secs(15 * 60);

/// Publishes what a context has staged, and deletes what it needs no longer, in tasks of the process.
pub fn relay_and_retention(ports: &Ports, group: &str, wake: &Wake) {
    ports.spawn("relay", Relay::new(ports).wake(wake.clone()).run());
    let inbox = InboxRetention::new(KEEP_INBOX, REDELIVERY_WINDOW).expect("rows are kept for longer than the window");
    ports.spawn("inbox-retention", inbox.run(vec![group.into()], ports.clone()));
    ports.spawn("outbox-retention", OutboxRetention::default().run(ports.clone()));
}

/// Handles what the other context says, until a stop is asked for: each message once, in the transaction of its effect.
pub async fn consume(ports: &Ports, group: &str, topic: &str, handlers: Handlers, wake: Wake) {
    Consumer::new(ports, group, handlers, [topic]).wake(wake).run().await;
}

/// Writes a value as JSON.
///
/// # Panics
/// If the value has no JSON form. Whatever this crate keeps and sends has one.
pub fn encode<T: Serialize>(value: &T) -> Bytes {
    serde_json::to_vec(value).expect("what is kept and sent are structs of strings and numbers").into()
}
