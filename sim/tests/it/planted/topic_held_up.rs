//! A relay that stops at the first message that the broker does not take, and begins there again: one topic that is down
//! holds up the other.

use futures_util::future::BoxFuture;
use seaworthy_core::{
    ids::ClaimToken,
    inbox::{Consumer, Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    outbox::{Relay, RelayConfig},
    ports::{Expected, OutboxRow, Ports, PublishError, PublishResult, StoreError, Transaction},
};
use seaworthy_sim::scenario::Topology;

use crate::small_service::{
    Answer, Service,
    messaging::{front_beside, fronts, publish, relay_by_hand, settle},
};

pub(super) const WRONG: Service = Service::wrong("relay-stops-at-the-first-failure", topology);

fn topology(is_right: bool) -> Topology {
    let fronts = match is_right {
        true => fronts(|boot| {
            // The least room there is: one row at a time.
            let relay = Relay::new(&boot.ports).config(RelayConfig::default().batch(1));
            let running = relay.run();
            front_beside(boot, running, placing)
        }),
        false => fronts(|boot| {
            let relay = relay_by_hand(boot.ports.clone(), stop_at_the_first_failure);
            front_beside(boot, relay, placing)
        }),
    };
    let listener = fronts.process("listener-1", "listener", "listener", |boot| listen(boot.ports));
    listener.group("listener", &["audit", "orders"])
}

/// An order has an entry in the audit and an event, which have nothing to do with each other.
fn placing(ports: Ports, name: String) -> BoxFuture<'static, Result<Answer, StoreError>> {
    Box::pin(async move {
        let mut tx = ports.store.begin().await?;
        if tx.get("orders", &name).await?.is_some() {
            return Ok(Answer::Yes);
        }
        tx.put("orders", &name, Expected::Absent, b"1".to_vec().into()).await?;
        for topic in ["audit", "orders"] {
            let placed = MessageBuilder::new("front", "order.placed", name.as_str()).topic(topic);
            let placed = placed.partition_key(format!("{topic}-{name}"));
            tx.stage(&placed.draw(&*ports.clock, &*ports.random)).await?;
        }
        tx.commit().await?;
        Ok(Answer::Yes)
    })
}

async fn stop_at_the_first_failure(ports: Ports, token: ClaimToken, rows: Vec<OutboxRow>) -> Result<(), StoreError> {
    let mut results: Vec<PublishResult> = Vec::new();
    for row in &rows {
        let result = match results.last() {
            Some(Err(_)) => Err(PublishError::Unavailable("not tried".into())),
            _ => publish(&ports, std::slice::from_ref(row)).await.swap_remove(0),
        };
        results.push(result);
    }
    settle(&ports, token, &rows, &results).await
}

async fn listen(ports: Ports) {
    let handlers = Handlers::builder().on("order.placed", Note).build().expect("one handler for one type");
    Consumer::new(&ports, "listener", handlers, ["audit", "orders"]).run().await;
}

struct Note;

#[async_trait::async_trait]
impl Handler for Note {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        tx.put("notes", &message.id.to_string(), Expected::Absent, b"1".to_vec().into()).await?;
        Ok(())
    }
}
