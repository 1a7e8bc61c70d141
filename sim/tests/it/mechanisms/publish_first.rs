//! A notice is published at once, and staged if the broker did not take it or did not say so. Nothing is answered before
//! one of the two has worked, so nothing is lost; what comes twice has one id.

use seaworthy_core::{
    message::MessageBuilder,
    ports::{Ports, StoreError, Timestamp},
};
use seaworthy_sim::scenario::Topology;
use uuid::Uuid;

use crate::small_service::{
    Answer, Service,
    messaging::{front_beside_relay, listener},
};

pub(super) const RIGHT: Service = Service::wrong("publish-first", topology).right();

fn topology(_: bool) -> Topology {
    let front = |boot| front_beside_relay(boot, |ports, name| Box::pin(async move { notify(&ports, &name).await }));
    listener(Topology::new().process("front-1", "front", "front", front))
}

async fn notify(ports: &Ports, name: &str) -> Result<Answer, StoreError> {
    // The same id for the same notice, however often it is asked for.
    let placed = MessageBuilder::new("front", "order.placed", name).topic("orders");
    let placed = placed.derive(Uuid::from_u128(17), &[name], Timestamp::EPOCH);
    if ports.broker.publish(std::slice::from_ref(&placed)).await.is_ok_and(|results| results[0].is_ok()) {
        return Ok(Answer::Yes);
    }
    let mut tx = ports.store.begin().await?;
    tx.stage(&placed).await?;
    tx.commit().await?;
    Ok(Answer::Yes)
}
