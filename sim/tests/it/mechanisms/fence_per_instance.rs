//! Messages carry a number, and the consumer drops what is not newer than what it has: a fence against stale writers.
//! Where each instance of the writer counts for itself, the one that comes up after a crash is fenced off.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use seaworthy_core::{
    inbox::{Consumer, Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    outbox::Relay,
    ports::{Expected, Ports, StoreError, Transaction},
    wake::Wake,
};
use seaworthy_sim::scenario::{Boot, Topology};

use crate::small_service::{Answer, Service, serve};

pub(super) const WRONG: Service = Service::wrong("fence-per-instance", topology);
pub(super) const RIGHT: Service = WRONG.right();

fn topology(is_right: bool) -> Topology {
    Topology::new()
        .process("front-1", "front", "front", move |boot| front(boot, is_right))
        .process("ledger-1", "ledger", "ledger", |boot| ledger(boot.ports))
        .process("ledger-2", "ledger", "ledger", |boot| ledger(boot.ports))
        .group("ledger", &["entries"])
}

async fn front(boot: Boot, is_right: bool) {
    let (ports, wake) = (boot.ports, Wake::new());
    let relay = Relay::new(&ports).wake(wake.clone());
    ports.spawn("relay", relay.run());
    let count = std::sync::Arc::new(AtomicU64::new(0));
    serve(ports, move |ports, name| {
        let (wake, count) = (wake.clone(), count.clone());
        Box::pin(async move {
            let answer = take(&ports, &name, &count, is_right).await;
            wake.hint();
            answer
        })
    })
    .await;
}

async fn take(ports: &Ports, name: &str, count: &AtomicU64, is_right: bool) -> Result<Answer, StoreError> {
    let mut tx = ports.store.begin().await?;
    if tx.get("taken", name).await?.is_some() {
        return Ok(Answer::Yes);
    }
    let fence = if is_right {
        let counter = tx.get("counters", "entries").await?;
        let last = counter.map_or(0, |document| number(&document.body));
        tx.put("counters", "entries", Expected::Any, (last + 1).to_string().into()).await?;
        last + 1
    } else {
        count.fetch_add(1, Ordering::Relaxed) + 1
    };
    tx.put("taken", name, Expected::Absent, b"1".to_vec().into()).await?;
    let entry = MessageBuilder::new("front", "entry.made", name)
        .topic("entries")
        .partition_key("the ledger")
        .data("text/plain", fence.to_string().into());
    tx.stage(&entry.draw(&*ports.clock, &*ports.random)).await?;
    tx.commit().await?;
    Ok(Answer::Yes)
}

async fn ledger(ports: Ports) {
    let handlers = Handlers::builder().on("entry.made", Book).build().expect("one handler for one type");
    Consumer::new(&ports, "ledger", handlers, ["entries"]).run().await;
}

struct Book;

#[async_trait]
impl Handler for Book {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let fence = tx.get("fences", "the ledger").await?.map_or(0, |document| number(&document.body));
        if number(&message.data) <= fence {
            return Ok(());
        }
        tx.put("fences", "the ledger", Expected::Any, message.data.clone()).await?;
        tx.put("entries", &message.subject, Expected::Absent, b"1".to_vec().into()).await?;
        Ok(())
    }
}

fn number(body: &[u8]) -> u64 {
    String::from_utf8_lossy(body).parse().unwrap_or(0)
}
