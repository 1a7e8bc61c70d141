//! An outbox of one's own, in documents: a poller looks into it at an interval, publishes what it finds and deletes what
//! the broker has accepted. A crash between the two publishes again, under the same id, and the consumer's inbox drops it.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    ids,
    inbox::{Consumer, Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    ports::{Expected, Ports, StoreError, Transaction, draw_id},
    wake::Wake,
};
use seaworthy_sim::scenario::Topology;
use uuid::Uuid;

use crate::small::{FRONT, SmallService, answer_requests};

const OUTGOING: &str = "outgoing";
const TOPIC: &str = "items";

/// The four controls, by their interval.
pub fn controls() -> [SmallService; 4] {
    let about = "an outbox of its own in documents, polled at an interval; everything is right";
    [
        SmallService { name: "controls/poller-10ms", about, topology: || topology(Duration::from_millis(10)) },
        SmallService { name: "controls/poller-100ms", about, topology: || topology(Duration::from_millis(100)) },
        SmallService { name: "controls/poller-1s", about, topology: || topology(Duration::from_secs(1)) },
        SmallService { name: "controls/poller-1min", about, topology: || topology(Duration::from_secs(60)) },
    ]
}

fn topology(interval: Duration) -> Topology {
    Topology::new()
        .process("front-1", FRONT, FRONT, move |boot| front(boot.ports, interval))
        .process("mailer-1", "mailer", "mailer", |boot| mailer(boot.ports))
        .group("mailer", &[TOPIC])
}

async fn front(ports: Ports, interval: Duration) {
    let polling = ports.clone();
    let poll = async move {
        while !polling.stop.is_set() {
            let _ = polling.scope(publish(&polling)).await;
            polling.clock.sleep(interval).await;
        }
    };
    ports.spawn("poller", poll);
    answer_requests(ports, Wake::new(), take).await;
}

/// The item and its event, in one transaction. An item that is there was taken before.
async fn take(ports: Ports, item: String) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    if tx.get("items", &item).await?.is_some() {
        return Ok(());
    }
    let body = Bytes::from(item.clone());
    tx.put("items", &item, Expected::Absent, body.clone()).await?;
    let event = draw_id(&*ports.clock, &*ports.random);
    tx.put(OUTGOING, &event.to_string(), Expected::Absent, body).await?;
    tx.commit().await
}

/// One look into the outbox.
async fn publish(ports: &Ports) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    let waiting = tx.scan(OUTGOING, None, 100).await?;
    drop(tx);
    for (id, document) in waiting {
        let Ok(event) = id.parse::<Uuid>() else { continue };
        let item = String::from_utf8_lossy(&document.body).into_owned();
        let message = MessageBuilder::new(FRONT, "item.taken", item).topic(TOPIC).data("text/plain", document.body);
        let message = message.build(ids::MessageId(event), ports.clock.now());
        let accepted = ports.broker.publish(std::slice::from_ref(&message)).await;
        if accepted.is_ok_and(|results| results.iter().all(Result::is_ok)) {
            let mut tx = ports.store.begin().await?;
            tx.delete(OUTGOING, &id, Expected::Any).await?;
            tx.commit().await?;
        }
    }
    Ok(())
}

struct Letter;

#[async_trait]
impl Handler for Letter {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        tx.put("letters", &message.id.to_string(), Expected::Absent, message.data.clone()).await?;
        Ok(())
    }
}

async fn mailer(ports: Ports) {
    let handlers = Handlers::builder().on("item.taken", Letter).build().expect("one handler for one type");
    Consumer::new(&ports, "mailer", handlers, [TOPIC]).run().await;
}
