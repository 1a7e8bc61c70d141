//! A service that answers an order names it as the cause, and begins a business transaction of its own: who asks for the
//! order's gets half of it.

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

pub(super) const WRONG: Service = Service::wrong("a-lineage-that-breaks-off", topology);

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
    tx.stage(&placed.derive(Uuid::nil(), &["order.placed", name], ports.clock.now())).await?;
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
        let billed = MessageBuilder::new("biller", "order.billed", message.subject.clone()).topic("bills");
        let billed = billed.caused_by(message);
        let billed = if self.0 { billed } else { billed.correlation(Uuid::from_u128(message.id.0.as_u128() ^ 1)) };
        tx.stage(&billed.derive(message.id.0, &["order.billed"], message.time)).await?;
        Ok(())
    }
}
