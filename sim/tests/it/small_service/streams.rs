//! What services with streams of events have in common: a front that appends to a stream of its own for each name, and a subscriber
//! that counts events, core's and by hand.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use seaworthy_core::{
    events::{APPLIED, Subscriber},
    inbox::{Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    ports::{Appended, EventAppend, Expected, ExpectedVersion, Ports, RecordedEvent, StoreError, Transaction},
};
use seaworthy_sim::scenario::Topology;

use super::{
    Answer,
    messaging::{REST, fronts},
    serve,
};

/// Name of the subscriber.
pub(crate) const FIGURES: &str = "figures";

/// Types of the events of a stream, in their order.
pub(crate) const KINDS: [&str; 2] = ["order.placed", "order.paid"];

/// Two fronts that keep events.
pub(crate) fn keeping() -> Topology {
    fronts(|boot| serve(boot.ports, keep)).events("front")
}

/// Appends the events of an order that are not there yet, each in a transaction of its own.
pub(crate) fn keep(ports: Ports, name: String) -> BoxFuture<'static, Result<Answer, StoreError>> {
    Box::pin(async move {
        for version in 0..KINDS.len() {
            let mut tx = ports.store.begin().await?;
            if append(&ports, &mut *tx, &name, version).await?.is_some() {
                tx.commit().await?;
            }
        }
        Ok(Answer::Yes)
    })
}

/// Appends the event that comes after a version, if it is not there.
pub(crate) async fn append(
    ports: &Ports,
    tx: &mut dyn Transaction,
    name: &str,
    version: usize,
) -> Result<Option<Appended>, StoreError> {
    let (stream, kind, version_now) = (format!("order-{name}"), KINDS[version], version as u64);
    if !tx.read_stream(&stream, version_now, 1).await?.is_empty() {
        return Ok(None);
    }
    let event = MessageBuilder::new("front", kind, name).topic("orders").draw(&*ports.clock, &*ports.random);
    let append = EventAppend::new(stream, ExpectedVersion::Exact(version_now), vec![event]);
    tx.append_events(&append).await.map(Some)
}

/// Core's subscriber.
pub(crate) async fn subscribe(ports: Ports) {
    let handlers = KINDS.iter().fold(Handlers::builder(), |handlers, kind| handlers.on(*kind, Count));
    Subscriber::new(&ports, FIGURES, handlers.build().expect("one handler for each type")).run().await;
}

struct Count;

#[async_trait]
impl Handler for Count {
    async fn handle(&self, tx: &mut dyn Transaction, _: &Message) -> Result<(), HandlerError> {
        Ok(count(tx).await?)
    }
}

async fn count(tx: &mut dyn Transaction) -> Result<(), StoreError> {
    let before = tx.get("figures", "events").await?;
    let number: u64 = before.as_ref().map_or(0, |figure| serde_json::from_slice(&figure.body).unwrap_or(0));
    let expected = before.map_or(Expected::Absent, |figure| Expected::Version(figure.version));
    tx.put("figures", "events", expected, (number + 1).to_string().into()).await?;
    Ok(())
}

/// Has the effect of an event, and says so.
pub(crate) async fn apply(tx: &mut dyn Transaction, position: u64) -> Result<(), StoreError> {
    count(tx).await?;
    tx.observe(APPLIED, FIGURES, position as i64);
    Ok(())
}

/// Reads the log for ever, from its checkpoint on, and hands over each event with the position before it. After an error it waits.
pub(crate) async fn subscribe_by_hand<F>(
    ports: Ports,
    deal: impl Fn(Ports, u64, RecordedEvent) -> F,
    after_error: Duration,
) where
    F: Future<Output = Result<(), StoreError>>,
{
    while !ports.stop.is_set() {
        let rest = if pass(&ports, &deal).await.is_ok() { REST } else { after_error };
        ports.clock.sleep(rest).await;
    }
}

async fn pass<F>(ports: &Ports, deal: &impl Fn(Ports, u64, RecordedEvent) -> F) -> Result<(), StoreError>
where
    F: Future<Output = Result<(), StoreError>>,
{
    let mut from = ports.store.begin().await?.checkpoint(FIGURES).await?.unwrap_or(0);
    for event in ports.store.read_events(from, 16).await? {
        let position = event.position();
        deal(ports.clone(), from, event).await?;
        from = position;
    }
    Ok(())
}

/// Begins to deal with an event, unless somebody else has.
pub(crate) async fn begin_at(ports: &Ports, from: u64) -> Result<Box<dyn Transaction>, StoreError> {
    let mut tx = ports.store.begin().await?;
    if tx.checkpoint(FIGURES).await?.unwrap_or(0) != from {
        return Err(StoreError::Conflict("the checkpoint is elsewhere".into()));
    }
    Ok(tx)
}

/// Deals with an event: its effect and the checkpoint are one transaction.
pub(crate) async fn deal(ports: Ports, from: u64, event: RecordedEvent) -> Result<(), StoreError> {
    let mut tx = begin_at(&ports, from).await?;
    apply(&mut *tx, event.position()).await?;
    tx.set_checkpoint(FIGURES, event.position()).await?;
    tx.commit().await
}
