//! A consumer with four hands. Each item is told of by three messages, which keep their order; two replicas share the work,
//! and a handler may take longer than a delivery lasts, which is extended meanwhile.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    inbox::{Consumer, ConsumerConfig, Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    outbox::Relay,
    ports::{Expected, Ports, StoreError, Transaction},
    wake::Wake,
};
use seaworthy_sim::scenario::Topology;

use crate::small::{FRONT, ITEM_TAKEN, ITEMS, LETTERS, MAILER, SmallService, answer_requests};

/// Time after which the broker delivers again what is not acknowledged: shorter than a handler may take.
const VISIBILITY: Duration = Duration::from_secs(1);

/// Returns the control scenario.
pub fn control() -> SmallService {
    SmallService {
        name: "controls/side-by-side",
        about: "keys are handled side by side, and deliveries extended meanwhile; everything is right",
        topology: || {
            let topology = Topology::new().service(FRONT).run(front).visibility_timeout(VISIBILITY);
            let mailer = |boot: seaworthy_sim::scenario::Boot| mailer(boot.ports);
            topology
                .process("mailer-1", MAILER, MAILER, mailer)
                .process("mailer-2", MAILER, MAILER, mailer)
                .group(MAILER, &[ITEMS])
        },
    }
}

async fn front(ports: Ports) {
    let wake = Wake::new();
    ports.spawn("relay", Relay::new(&ports).wake(wake.clone()).run());
    answer_requests(ports, wake, take).await;
}

/// Takes an item once, and tells of it three times.
async fn take(ports: Ports, item: String) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    if tx.get(ITEMS, &item).await?.is_some() {
        return Ok(());
    }
    tx.put(ITEMS, &item, Expected::Absent, Bytes::new()).await?;
    for part in ["first", "second", "third"] {
        let told = MessageBuilder::new(FRONT, ITEM_TAKEN, format!("{item}-{part}")).topic(ITEMS);
        tx.stage(&told.partition_key(item.as_str()).draw(&*ports.clock, &*ports.random)).await?;
    }
    tx.commit().await
}

async fn mailer(ports: Ports) {
    let handlers = Handlers::builder().on(ITEM_TAKEN, WriteSlowly(ports.clone()));
    let handlers = handlers.build().expect("one handler for one type");
    let config = ConsumerConfig::new([ITEMS]).workers(4).extend(VISIBILITY);
    Consumer::new(&ports, MAILER, handlers, config).run().await;
}

/// Writes a letter, which takes up to two seconds.
struct WriteSlowly(Ports);

#[async_trait]
impl Handler for WriteSlowly {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        self.0.clock.sleep(Duration::from_millis(self.0.random.next_u64() % 2_000)).await;
        let letter = Bytes::from(format!(r#"{{"about":"{}"}}"#, message.subject));
        tx.put(LETTERS, &message.id.to_string(), Expected::Absent, letter).await?;
        Ok(())
    }
}
