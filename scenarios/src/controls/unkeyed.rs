//! The smallest right service with a message: each request stages one, under a key of its own, and it is handled once.

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    inbox::{Consumer, ConsumerConfig, Handler, HandlerError, Handlers},
    message::Message,
    outbox::{MessageBuilder, Relay, RelayConfig},
    ports::{Expected, Ordering, Ports, StoreError, Transaction},
    wake::Wake,
};
use seaworthy_sim::scenario::Topology;

use crate::small::{FRONT, SmallService};

const TOPIC: &str = "items";

/// The control.
pub fn control() -> SmallService {
    SmallService {
        name: "controls/unkeyed",
        about: "one message a request, without an order, handled once; everything is right",
        topology: || {
            Topology::new()
                .process("front-1", FRONT, FRONT, |boot| front(boot.ports))
                .process("mailer-1", "mailer", "mailer", |boot| mailer(boot.ports))
                .group("mailer", &[TOPIC])
        },
    }
}

async fn front(ports: Ports) {
    let wake = Wake::new();
    let config = RelayConfig { ordering: Ordering::Unordered, ..RelayConfig::default() };
    let relay = Relay::of(&ports, config, wake.clone());
    ports.spawner.spawn("relay", Box::pin(relay.run(ports.stop.clone())));
    while let Some(request) = ports.ingress.next().await {
        if take(&ports, &request.body).await.is_ok() {
            request.response.accept(Bytes::new());
            wake.hint();
        }
    }
}

async fn take(ports: &Ports, name: &Bytes) -> Result<(), StoreError> {
    let item = String::from_utf8_lossy(name);
    let mut tx = ports.store.begin().await?;
    if tx.get("items", &item).await?.is_some() {
        return Ok(());
    }
    tx.put("items", &item, Expected::Absent, Bytes::new()).await?;
    tx.stage(&MessageBuilder::new(FRONT, "item.taken", &*item).topic(TOPIC).draw(&*ports.clock, &*ports.random))
        .await?;
    tx.commit().await
}

struct Letter;

#[async_trait]
impl Handler for Letter {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        tx.put("letters", &message.subject, Expected::Absent, Bytes::new()).await?;
        Ok(())
    }
}

async fn mailer(ports: Ports) {
    let handlers = Handlers::new().on("item.taken", Letter).expect("one handler for one type");
    Consumer::of(&ports, "mailer", handlers, ConsumerConfig::of([TOPIC])).run(ports.stop.clone()).await;
}
