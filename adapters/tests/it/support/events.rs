//! Events for subscribers, and a projection that writes down what it has seen.

use std::sync::Arc;

use seaworthy_core::{
    events::{Subscriber, SubscriberConfig},
    inbox::{HandlerError, Handlers},
    message::{Message, MessageBuilder},
    ports::{
        DeadLetter, DeadLetterRequest, EventAppend, Expected, ExpectedVersion, Ports, Store, Timestamp, Transaction,
    },
};
use uuid::Uuid;

use super::{World, inbox::Scripted};

/// An event of an account, by its number among all of a test.
pub(crate) fn event(number: u64) -> Message {
    let subject = format!("event-{number}");
    let id = Uuid::new_v5(&Uuid::nil(), subject.as_bytes());
    let built = MessageBuilder::new("bank", "account.credited", subject.as_str()).json(&number);
    built.expect("a number").derive(id, &["credit"], Timestamp::EPOCH)
}

/// Appends events to an account, each in a transaction of its own.
pub(crate) async fn append(store: &dyn Store, account: &str, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        let mut tx = store.begin().await.expect("a store that is up");
        let append = EventAppend::new(account, ExpectedVersion::Any, vec![event(number)]);
        tx.append_events(&append).await.expect("a store that is up");
        tx.commit().await.expect("a store that is up");
    }
}

/// Writes an event down in the journal of a projection.
pub(crate) async fn write_down(tx: &mut dyn Transaction, journal: &str, event: &Message) -> Result<(), HandlerError> {
    let before = tx.get("journals", journal).await?;
    let mut seen: Vec<String> =
        before.as_ref().map_or_else(Vec::new, |seen| serde_json::from_slice(&seen.body).expect("a journal"));
    seen.push(event.subject.to_string());
    let expected = before.map_or(Expected::Absent, |seen| Expected::Version(seen.version));
    tx.put("journals", journal, expected, serde_json::to_vec(&seen).expect("a list").into()).await?;
    Ok(())
}

/// Numbers of the events in the journal of a projection, in the order in which they had their effect.
pub(crate) async fn journal(store: &dyn Store, journal: &str) -> Vec<u64> {
    let mut tx = store.begin().await.expect("a store that is up");
    let found = tx.get("journals", journal).await.expect("a store that is up");
    let seen: Vec<String> = found.map_or_else(Vec::new, |seen| serde_json::from_slice(&seen.body).expect("a journal"));
    seen.iter().map(|subject| subject["event-".len()..].parse().expect("a number")).collect()
}

/// A handler that writes each event down in the journal `name`.
pub(crate) fn writing(name: &'static str) -> Scripted {
    Scripted::new(move |tx, message| Box::pin(write_down(tx, name, message)))
}

/// A subscriber that handles credits so.
pub(crate) fn subscriber(
    ports: &Ports,
    name: &str,
    handler: &Scripted,
    config: impl FnOnce(SubscriberConfig) -> SubscriberConfig,
) -> Subscriber {
    let handlers = Handlers::builder().on("account.credited", handler.clone()).build().expect("one handler");
    Subscriber::new(ports, name, handlers).config(config(SubscriberConfig::default()))
}

impl World {
    /// What a subscriber has parked: the events' numbers and the reasons, by position.
    pub(crate) async fn parked(&self, name: &str) -> Vec<(u64, String)> {
        let request = DeadLetterRequest::new(name, 1_000);
        let mut letters: Vec<DeadLetter> = self.store().dead_letters(&request).await.expect("a store that is up");
        letters.sort_by_key(|letter| letter.message.sequence);
        let number = |letter: &DeadLetter| letter.message.subject["event-".len()..].parse().expect("a number");
        letters.iter().map(|letter| (number(letter), letter.reason.to_string())).collect()
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.ports.store
    }
}
