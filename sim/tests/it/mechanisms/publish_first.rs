//! A notice is published at once, and staged if the broker did not take it or did not say so. Nothing is answered before
//! one of the two has worked, so nothing is lost; what comes twice has one id.

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use seaworthy_core::{
    inbox::{Consumer, ConsumerConfig, Handler, HandlerError, Handlers},
    message::Message,
    outbox::{MessageBuilder, Relay, RelayConfig},
    ports::{Expected, Ports, StoreError, Timestamp, Transaction},
    wake::Wake,
};
use seaworthy_sim::scenario::{Boot, Topology};
use uuid::Uuid;

use super::service::{Answer, Service, serve};

pub(super) const RIGHT: Service = Service { name: "publish-first", topology, is_right: true };

fn topology(_: bool) -> Topology {
    let front = |boot| front_beside_relay(boot, |ports, name| Box::pin(async move { notify(&ports, &name).await }));
    listener(Topology::new().process("front-1", "front", "front", front))
}

/// Serves requests, with a relay beside.
pub(super) async fn front_beside_relay(
    boot: Boot,
    take: impl Fn(Ports, String) -> BoxFuture<'static, Result<Answer, StoreError>>,
) {
    let ports = boot.ports;
    let relay = Relay::of(&ports, RelayConfig::default(), Wake::new());
    ports.spawner.spawn("relay", Box::pin(relay.run(ports.stop.clone())));
    serve(ports, take).await;
}

/// Adds a consumer of `orders` with an inbox.
pub(super) fn listener(topology: Topology) -> Topology {
    topology.process("listener-1", "listener", "listener", |boot| listen(boot.ports)).group("listener", &["orders"])
}

async fn listen(ports: Ports) {
    let handlers = Handlers::new().on("order.placed", Note).expect("one handler");
    Consumer::of(&ports, "listener", handlers, ConsumerConfig::of(["orders"])).run(ports.stop.clone()).await;
}

struct Note;

#[async_trait]
impl Handler for Note {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        tx.put("notes", &message.id.to_string(), Expected::Absent, b"1".to_vec().into()).await?;
        Ok(())
    }
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
