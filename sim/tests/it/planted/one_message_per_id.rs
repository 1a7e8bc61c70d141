//! Two services derive the ids of their messages from the order's name, and both leave out the type: the event that
//! answers an order has the id of the order's own.

use async_trait::async_trait;
use seaworthy_core::{
    inbox::{Consumer, Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    outbox::Relay,
    ports::{Expected, Ports, StoreError, Transaction},
};
use seaworthy_sim::scenario::Topology;
use uuid::Uuid;

use crate::small_service::{
    Answer, Service,
    messaging::{front_beside_relay, fronts},
};

pub(super) const WRONG: Service = Service::wrong("one-id-for-two-types", topology);

fn topology(is_right: bool) -> Topology {
    let front = move |boot| front_beside_relay(boot, |ports, name| Box::pin(async move { order(&ports, &name).await }));
    fronts(front)
        .process("biller-1", "biller", "biller", move |boot| bill(boot.ports, is_right))
        .group("biller", &["orders"])
}

async fn order(ports: &Ports, name: &str) -> Result<Answer, StoreError> {
    let mut tx = ports.store.begin().await?;
    if tx.get("orders", name).await?.is_some() {
        return Ok(Answer::Yes);
    }
    tx.put("orders", name, Expected::Absent, b"1".to_vec().into()).await?;
    let placed = MessageBuilder::new("front", "order.placed", name).topic("orders");
    tx.stage(&placed.derive(Uuid::nil(), &[name], ports.clock.now())).await?;
    tx.commit().await?;
    Ok(Answer::Yes)
}

async fn bill(ports: Ports, is_right: bool) {
    let relay = Relay::new(&ports);
    ports.spawn("relay", relay.run());
    let handlers = Handlers::builder().on("order.placed", Bill(is_right)).build().expect("one handler for one type");
    Consumer::new(&ports, "biller", handlers, ["orders"]).run().await;
}

struct Bill(bool);

#[async_trait]
impl Handler for Bill {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let name = message.subject.as_str();
        let parts: &[&str] = if self.0 { &["order.billed", name] } else { &[name] };
        let billed = MessageBuilder::new("biller", "order.billed", name).topic("bills").caused_by(message);
        tx.stage(&billed.derive(Uuid::nil(), parts, message.time)).await?;
        Ok(())
    }
}
