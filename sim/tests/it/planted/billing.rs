//! Two services: a front stages each order, and a biller answers it by a handler of the caller's, which has the mistake or not.

use seaworthy_core::{
    inbox::{Consumer, Handler, Handlers},
    message::MessageBuilder,
    outbox::Relay,
    ports::{Expected, Ports, StoreError},
};
use seaworthy_sim::scenario::Topology;
use uuid::Uuid;

use crate::small_service::{
    Answer,
    messaging::{front_beside_relay, fronts},
};

pub(super) fn answered_by<H: Handler + 'static>(is_right: bool, bill: fn(bool) -> H) -> Topology {
    let front = move |boot| front_beside_relay(boot, |ports, name| Box::pin(async move { order(&ports, &name).await }));
    fronts(front)
        .process("biller-1", "biller", "biller", move |boot| consume(boot.ports, bill(is_right)))
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

async fn consume(ports: Ports, bill: impl Handler + 'static) {
    let relay = Relay::new(&ports);
    ports.spawn("relay", relay.run());
    let handlers = Handlers::builder().on("order.placed", bill).build().expect("one handler for one type");
    Consumer::new(&ports, "biller", handlers, ["orders"]).run().await;
}
