//! A group that takes no more than three messages at a time, and a consumer that takes its time: the broker puts the relay off again
//! and again, until all of them have gone through, each key in its order.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    inbox::{Consumer, Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    outbox::Relay,
    ports::{Expected, Ports, StoreError, Transaction},
    wake::Wake,
};
use seaworthy_sim::scenario::Topology;

use crate::small::{FRONT, ITEM_TAKEN, ITEMS, LETTERS, MAILER, SmallService, answer_requests};

/// Messages that the group may leave unacknowledged before the broker takes no more for it.
const HOLDS: usize = 3;

/// Messages about an item: more than the group takes.
const PARTS: u32 = 5;

/// Returns the control scenario.
pub fn control() -> SmallService {
    SmallService {
        name: "controls/full-group",
        about: "a group that is full puts its publisher off; everything is right",
        topology: || {
            let front = Topology::new().service(FRONT).replicas(2).run(front);
            front.service(MAILER).run(mailer).group(MAILER, &[ITEMS]).group_holds(HOLDS)
        },
    }
}

async fn front(ports: Ports) {
    let wake = Wake::new();
    ports.spawn("relay", Relay::new(&ports).wake(wake.clone()).run());
    answer_requests(ports, wake, take).await;
}

/// Takes an item once, and tells of it more often than the group can hold.
async fn take(ports: Ports, item: String) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    if tx.get(ITEMS, &item).await?.is_some() {
        return Ok(());
    }
    tx.put(ITEMS, &item, Expected::Absent, Bytes::new()).await?;
    for part in 1..=PARTS {
        let told = MessageBuilder::new(FRONT, ITEM_TAKEN, format!("{item}-{part}")).topic(ITEMS);
        tx.stage(&told.partition_key(item.as_str()).draw(&*ports.clock, &*ports.random)).await?;
    }
    tx.commit().await
}

async fn mailer(ports: Ports) {
    let handlers = Handlers::builder().on(ITEM_TAKEN, WriteSlowly(ports.clone()));
    let handlers = handlers.build().expect("one handler for one type");
    Consumer::new(&ports, MAILER, handlers, [ITEMS]).run().await;
}

/// Writes a letter, which takes half a second.
struct WriteSlowly(Ports);

#[async_trait]
impl Handler for WriteSlowly {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        self.0.clock.sleep(Duration::from_millis(500)).await;
        let letter = Bytes::from(format!(r#"{{"about":"{}"}}"#, message.subject));
        tx.put(LETTERS, &message.id.to_string(), Expected::Absent, letter).await?;
        Ok(())
    }
}
