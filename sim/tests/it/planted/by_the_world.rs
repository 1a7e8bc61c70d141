//! Five mistakes that no invariant judges and the world itself tells: a panic, a relay that can't begin, an echo without end, a request that is never
//! answered, and a declared table that can't be read as it was declared.

use async_trait::async_trait;
use seaworthy_core::{
    inbox::{Consumer, Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    outbox::{Relay, RelayConfig},
    ports::{Expected, Ports, StoreError, Transaction},
};
use seaworthy_sim::scenario::{EffectTable, Topology};
use uuid::Uuid;

use crate::small_service::{
    Answer, Service,
    messaging::{front_beside_relay, fronts, listener, placing},
    serve,
};

pub(super) const PANIC: Service = Service::wrong("expects-the-store-to-answer", expects);

fn expects(is_right: bool) -> Topology {
    fronts(move |boot| {
        serve(boot.ports, move |ports, name| {
            Box::pin(async move {
                let noted = note(&ports, &name).await;
                if is_right { noted } else { Ok::<_, StoreError>(noted.expect("the store answers")) }
            })
        })
    })
}

async fn note(ports: &Ports, name: &str) -> Result<Answer, StoreError> {
    let mut tx = ports.store.begin().await?;
    tx.put("notes", name, Expected::Any, b"1".to_vec().into()).await?;
    tx.commit().await?;
    Ok(Answer::Yes)
}

pub(super) const PART_ENDED: Service = Service::wrong("relays-by-what-it-was-told", relays);

/// A relay whose settings come from outside, where somebody has set the batch to zero.
fn relays(is_right: bool) -> Topology {
    listener(fronts(move |boot| {
        let config = RelayConfig::default().batch(if is_right { 16 } else { 0 });
        boot.ports.spawn("relay", Relay::new(&boot.ports).config(config).run());
        serve(boot.ports, placing)
    }))
}

pub(super) const LIVELOCK: Service = Service::wrong("echo", echo);

fn echo(is_right: bool) -> Topology {
    fronts(|boot| front_beside_relay(boot, placing))
        .process("echo-1", "echo", "echo", move |boot| answer(boot.ports, is_right))
        .group("echo", &["orders"])
}

async fn answer(ports: Ports, is_right: bool) {
    let relay = Relay::new(&ports);
    ports.spawn("relay", relay.run());
    let handlers = Handlers::builder().on("order.placed", Echo(is_right)).build().expect("one handler for one type");
    Consumer::new(&ports, "echo", handlers, ["orders"]).run().await;
}

/// Says what it hears, to whoever listens; wrongly, where it listens itself.
struct Echo(bool);

#[async_trait]
impl Handler for Echo {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let topic = if self.0 { "echoes" } else { "orders" };
        let again = MessageBuilder::new("echo", "order.placed", message.subject.as_str()).topic(topic);
        let id: Uuid = message.id.0;
        tx.stage(&again.derive(id, &["again"], message.time)).await?;
        Ok(())
    }
}

pub(super) const UNANSWERED: Service = Service::wrong("answers-who-asks-first", once);

fn once(is_right: bool) -> Topology {
    fronts(move |boot| {
        serve(boot.ports, move |ports, name| Box::pin(async move { note_once(&ports, &name, is_right).await }))
    })
}

/// A request that comes again finds its note, takes that for an error, and is dropped without a word.
async fn note_once(ports: &Ports, name: &str, is_right: bool) -> Result<Answer, StoreError> {
    let mut tx = ports.store.begin().await?;
    if tx.get("notes", name).await?.is_some() {
        return if is_right { Ok(Answer::Yes) } else { Err(StoreError::Conflict("it is there".into())) };
    }
    tx.put("notes", name, Expected::Absent, b"1".to_vec().into()).await?;
    tx.commit().await?;
    Ok(Answer::Yes)
}

pub(super) const UNREADABLE: Service = Service::wrong("writes-what-it-did-not-declare", declared);

fn declared(is_right: bool) -> Topology {
    fronts(move |boot| {
        serve(boot.ports, move |ports, name| Box::pin(async move { write(&ports, &name, is_right).await }))
    })
    .effect_table(EffectTable::documents("front", "payments").one_per("order"))
}

/// A document in JSON, as it was declared, or the bare name.
async fn write(ports: &Ports, name: &str, is_right: bool) -> Result<Answer, StoreError> {
    let body = if is_right { serde_json::json!({ "order": name }).to_string() } else { name.to_owned() };
    let mut tx = ports.store.begin().await?;
    tx.put("payments", name, Expected::Any, body.into()).await?;
    tx.commit().await?;
    Ok(Answer::Yes)
}
