//! A table that rejects a command under a new id each time that the command is delivered. Its source makes up for it as often.

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use seaworthy_core::{
    choreography::{REJECTED, Rejection, RejectionReason},
    inbox::{Consumer, Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    outbox::Relay,
    ports::{
        Delivery, Expected, InboxEntry, InboxInsert, Ports, StoreError, Subscription, SubscriptionSpec, Transaction,
    },
};
use seaworthy_sim::scenario::{Boot, Topology};

use crate::small_service::{
    Answer, Service,
    messaging::{REST, front_beside_relay, fronts, receive_as},
};

pub(super) const WRONG: Service = Service::wrong("rejects-each-delivery", topology);

fn topology(is_right: bool) -> Topology {
    let fronts = fronts(|boot| front_beside_relay(boot, asking));
    let table = fronts.process("table-1", "table", "table", move |boot| table(boot, is_right));
    let refund = table.process("refund-1", "refund", "refund", |boot| refund(boot.ports));
    refund.group("table", &["table.commands"]).group("refund", &["player.rejections"])
}

/// Asks for a seat, once for each name.
fn asking(ports: Ports, name: String) -> BoxFuture<'static, Result<Answer, StoreError>> {
    Box::pin(async move {
        let mut tx = ports.store.begin().await?;
        if tx.get("asked", &name).await?.is_none() {
            tx.put("asked", &name, Expected::Absent, b"1".to_vec().into()).await?;
            let seat = MessageBuilder::new("player", "seat.player", name).topic("table.commands");
            tx.stage(&seat.draw(&*ports.clock, &*ports.random)).await?;
            tx.commit().await?;
        }
        Ok(Answer::Yes)
    })
}

/// A full table.
async fn table(boot: Boot, is_right: bool) {
    boot.ports.spawn("relay", Relay::new(&boot.ports).run());
    let ports = boot.ports;
    let spec = SubscriptionSpec { group: "table".into(), topics: vec!["table.commands".into()] };
    while !ports.stop.is_set() {
        match is_right {
            true => receive_as(&ports, &spec, &reject_once).await,
            false => receive_as(&ports, &spec, &reject).await,
        }
        ports.clock.sleep(REST).await;
    }
}

fn reject<'a>(
    ports: &'a Ports,
    subscription: &'a dyn Subscription,
    delivery: &'a Delivery,
) -> BoxFuture<'a, Result<(), StoreError>> {
    Box::pin(async move { reject_as(ports, subscription, delivery, false).await })
}

fn reject_once<'a>(
    ports: &'a Ports,
    subscription: &'a dyn Subscription,
    delivery: &'a Delivery,
) -> BoxFuture<'a, Result<(), StoreError>> {
    Box::pin(async move { reject_as(ports, subscription, delivery, true).await })
}

async fn reject_as(
    ports: &Ports,
    subscription: &dyn Subscription,
    delivery: &Delivery,
    is_right: bool,
) -> Result<(), StoreError> {
    let command = &delivery.message;
    let mut tx = ports.store.begin().await?;
    let is_first =
        !is_right || matches!(tx.inbox_insert(&InboxEntry::for_message("table", command)).await?, InboxInsert::First);
    if is_first {
        let rejection = Rejection { command: command.clone(), reason: RejectionReason::Refused("full".into()) };
        let rejected = MessageBuilder::new("table", REJECTED, command.subject.clone()).topic("player.rejections");
        let rejected = rejected.caused_by(command).json(&rejection).expect("it is JSON");
        tx.stage(&rejected.draw(&*ports.clock, &*ports.random)).await?;
        tx.commit().await?;
    }
    _ = subscription.ack(delivery.tag).await;
    Ok(())
}

async fn refund(ports: Ports) {
    let handlers = Handlers::builder().on(REJECTED, Refund).build().expect("one handler");
    Consumer::new(&ports, "refund", handlers, ["player.rejections"]).run().await;
}

/// Makes up for a command.
struct Refund;

#[async_trait]
impl Handler for Refund {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        tx.put("refunds", &message.id.to_string(), Expected::Absent, b"1".to_vec().into()).await?;
        Ok(())
    }
}
