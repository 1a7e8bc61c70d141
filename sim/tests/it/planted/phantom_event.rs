//! The event is published while its transaction is still open, so that it is out sooner. Where the commit fails, it says
//! what never was.

use seaworthy_core::{
    message::MessageBuilder,
    ports::{Expected, Ports, StoreError},
};
use seaworthy_sim::scenario::Topology;

use crate::small_service::{
    Answer, Service,
    messaging::{front_beside_relay, fronts, listener},
};

pub(super) const WRONG: Service = Service::wrong("publishes-before-it-commits", topology);

fn topology(is_right: bool) -> Topology {
    listener(fronts(move |boot| {
        front_beside_relay(boot, move |ports, name| Box::pin(async move { order(&ports, &name, is_right).await }))
    }))
}

async fn order(ports: &Ports, name: &str, is_right: bool) -> Result<Answer, StoreError> {
    let mut tx = ports.store.begin().await?;
    if tx.get("orders", name).await?.is_some() {
        return Ok(Answer::Yes);
    }
    tx.put("orders", name, Expected::Absent, b"1".to_vec().into()).await?;
    let placed = MessageBuilder::new("front", "order.placed", name).topic("orders");
    let placed = placed.draw(&*ports.clock, &*ports.random);
    tx.stage(&placed).await?;
    if !is_right {
        // What the broker does not take now, the relay brings.
        let _ = ports.broker.publish(&[placed]).await;
    }
    tx.commit().await?;
    Ok(Answer::Yes)
}
