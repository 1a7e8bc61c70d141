//! A consumer that marks a message as processed also when it failed, so that a message which always fails does not come
//! for ever. One that fails for a moment is lost.

use std::time::Duration;

use seaworthy_core::{
    message::{Message, MessageBuilder},
    outbox::Relay,
    ports::{Expected, InboxEntry, InboxInsert, Ports, StoreError, SubscriptionSpec},
    wake::Wake,
};
use seaworthy_sim::scenario::{Boot, Topology};

use crate::small_service::{Answer, Service, serve};

pub(super) const WRONG: Service = Service::wrong("error-path-marks-as-processed", topology);
pub(super) const RIGHT: Service = WRONG.right();

const A_WHILE: Duration = Duration::from_millis(200);

fn topology(is_right: bool) -> Topology {
    let stock = move |boot: Boot| consume(boot.ports, is_right);
    Topology::new()
        .process("front-1", "front", "front", front)
        .process("stock-1", "stock", "stock", stock)
        .process("stock-2", "stock", "stock", stock)
        .group("stock", &["orders"])
}

async fn front(boot: Boot) {
    let (ports, wake) = (boot.ports, Wake::new());
    let relay = Relay::new(&ports).wake(wake.clone());
    ports.spawn("relay", relay.run());
    serve(ports, move |ports, name| {
        let wake = wake.clone();
        Box::pin(async move {
            let answer = order(&ports, &name).await;
            wake.hint();
            answer
        })
    })
    .await;
}

async fn order(ports: &Ports, name: &str) -> Result<Answer, StoreError> {
    let mut tx = ports.store.begin().await?;
    if tx.get("orders", name).await?.is_none() {
        tx.put("orders", name, Expected::Absent, b"1".to_vec().into()).await?;
        let placed = MessageBuilder::new("front", "order.placed", name).topic("orders");
        tx.stage(&placed.draw(&*ports.clock, &*ports.random)).await?;
        tx.commit().await?;
    }
    Ok(Answer::Yes)
}

async fn consume(ports: Ports, is_right: bool) {
    let spec = SubscriptionSpec { group: "stock".into(), topics: vec!["orders".into()] };
    loop {
        let Ok(subscription) = ports.broker.subscribe(&spec).await else {
            ports.clock.sleep(A_WHILE).await;
            continue;
        };
        while let Ok(deliveries) = subscription.receive(4).await {
            for delivery in deliveries {
                let handled = handle(&ports, &delivery.message).await;
                let handled = match handled {
                    Err(_) if !is_right => mark(&ports, &delivery.message).await,
                    handled => handled,
                };
                let _ = match handled {
                    Ok(()) => subscription.ack(delivery.tag).await,
                    Err(_) => subscription.nack(delivery.tag, A_WHILE).await,
                };
            }
        }
    }
}

async fn handle(ports: &Ports, message: &Message) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    if tx.inbox_insert(&InboxEntry::for_message("stock", message)).await? != InboxInsert::First {
        return Ok(());
    }
    tx.put("reservations", &message.subject, Expected::Absent, b"1".to_vec().into()).await?;
    tx.commit().await
}

async fn mark(ports: &Ports, message: &Message) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    tx.inbox_insert(&InboxEntry::for_message("stock", message)).await?;
    tx.commit().await
}
