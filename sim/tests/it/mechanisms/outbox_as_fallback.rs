//! The order is committed, then its event is published, and only what the broker does not take is staged. Who dies in
//! between leaves an order without its event.

use seaworthy_core::{
    message::{Message, MessageBuilder},
    ports::{Expected, Ports, StoreError},
};
use seaworthy_sim::scenario::Topology;

use crate::small_service::{
    Answer, Service,
    messaging::{front_beside_relay, listener},
};

pub(super) const WRONG: Service = Service::wrong("outbox-as-fallback", topology);
pub(super) const RIGHT: Service = WRONG.right();

fn topology(is_right: bool) -> Topology {
    let front = move |boot: seaworthy_sim::scenario::Boot| {
        front_beside_relay(boot, move |ports, name| Box::pin(async move { order(&ports, &name, is_right).await }))
    };
    listener(Topology::new().process("front-1", "front", "front", front).process("front-2", "front", "front", front))
}

async fn order(ports: &Ports, name: &str, is_right: bool) -> Result<Answer, StoreError> {
    let mut tx = ports.store.begin().await?;
    if tx.get("orders", name).await?.is_some() {
        return Ok(Answer::Yes);
    }
    tx.put("orders", name, Expected::Absent, b"1".to_vec().into()).await?;
    let placed = MessageBuilder::new("front", "order.placed", name).topic("orders");
    let placed: Message = placed.draw(&*ports.clock, &*ports.random);
    if is_right {
        tx.stage(&placed).await?;
    }
    tx.commit().await?;
    if !is_right && !ports.broker.publish(std::slice::from_ref(&placed)).await.is_ok_and(|results| results[0].is_ok()) {
        let mut tx = ports.store.begin().await?;
        tx.stage(&placed).await?;
        tx.commit().await?;
    }
    Ok(Answer::Yes)
}
