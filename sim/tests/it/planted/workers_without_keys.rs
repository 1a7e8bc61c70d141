//! A consumer with several hands gives each message to the next one that is free. To keep them busy it is done with a
//! delivery as soon as it has it, so the broker hands out the next one of the key, and two hands have one key.

use std::time::Duration;

use async_trait::async_trait;
use seaworthy_core::{
    inbox::{Consumer, ConsumerConfig, Handler, HandlerError, Handlers},
    message::Message,
    outbox::Relay,
    ports::{Delivery, Expected, InboxEntry, InboxInsert, Ports, StoreError, SubscriptionSpec, Transaction},
};
use seaworthy_sim::scenario::Topology;

use crate::small_service::{
    Service,
    messaging::{REST, front_beside, fronts, place},
};

pub(super) const WRONG: Service = Service::wrong("workers-without-keys", topology);

fn topology(is_right: bool) -> Topology {
    let fronts = fronts(move |boot| {
        let running = Relay::new(&boot.ports).run();
        let take = |ports, name: String| -> futures_util::future::BoxFuture<'static, _> {
            Box::pin(async move {
                place(&ports, &format!("{name}-first"), "all orders").await?;
                place(&ports, &format!("{name}-second"), "all orders").await
            })
        };
        front_beside(boot, running, take)
    });
    let listener = move |boot: seaworthy_sim::scenario::Boot| async move {
        if is_right { listen(boot.ports).await } else { listen_with_many_hands(boot.ports).await }
    };
    let topology = fronts.process("listener-1", "listener", "listener", listener).group("listener", &["orders"]);
    // It is its other mistake that shows first otherwise: what is acknowledged early is lost with its process.
    let others = ["acknowledged-before-handled", "lost-event", "message-unhandled"];
    if is_right { topology } else { others.into_iter().fold(topology, Topology::without) }
}

/// Some messages take longer than others.
async fn work(ports: &Ports) {
    ports.clock.sleep(Duration::from_millis(ports.random.next_u64() % 400)).await;
}

async fn listen(ports: Ports) {
    let handlers =
        Handlers::builder().on("order.placed", Note(ports.clone())).build().expect("one handler for one type");
    Consumer::new(&ports, "listener", handlers, ConsumerConfig::new(["orders"]).workers(4)).run().await;
}

struct Note(Ports);

#[async_trait]
impl Handler for Note {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        work(&self.0).await;
        tx.put("notes", &message.id.to_string(), Expected::Absent, b"1".to_vec().into()).await?;
        Ok(())
    }
}

async fn listen_with_many_hands(ports: Ports) {
    let spec = SubscriptionSpec { group: "listener".into(), topics: vec!["orders".into()] };
    while !ports.stop.is_set() {
        if let Ok(subscription) = ports.broker.subscribe(&spec).await {
            while let Ok(deliveries) = subscription.receive(16).await {
                for delivery in deliveries {
                    let _ = subscription.ack(delivery.tag).await;
                    let ports = ports.clone();
                    ports.clone().spawn("hand", async move {
                        while note(&ports, &delivery).await.is_err() {
                            ports.clock.sleep(REST).await;
                        }
                    });
                }
            }
        }
        ports.clock.sleep(REST).await;
    }
}

async fn note(ports: &Ports, delivery: &Delivery) -> Result<(), StoreError> {
    work(ports).await;
    let mut tx = ports.store.begin().await?;
    if tx.inbox_insert(&InboxEntry::for_message("listener", &delivery.message)).await? != InboxInsert::First {
        return Ok(());
    }
    tx.put("notes", &delivery.message.id.to_string(), Expected::Absent, b"1".to_vec().into()).await?;
    tx.commit().await
}
