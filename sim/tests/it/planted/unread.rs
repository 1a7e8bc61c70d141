//! One row, or one message, whose body nobody can read: a relay that has to know each body before it publishes any, and a consumer that has to
//! before it handles any, stop at it and at all that came with it.

use std::{pin::pin, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::{BoxFuture, Either, select};
use seaworthy_core::{
    ids::ClaimToken,
    inbox::{Consumer, Handler, HandlerError, Handlers},
    message::{DecodeError, Message, MessageBuilder},
    ports::{
        Expected, InboxEntry, InboxInsert, OutboxRow, Ports, PublishError, PublishResult, StoreError, SubscriptionSpec,
        Transaction,
    },
};
use seaworthy_sim::scenario::Topology;

use super::is_found_and_the_right_service_holds;
use crate::small_service::{
    Answer, Service,
    messaging::{REST, front_beside, front_beside_relay, fronts, limited, listener, publish, relay_by_hand, settle},
};

/// The item whose body is of an earlier release, perhaps.
const UNREADABLE: &str = "item-1";

/// Places an order whose event says how many are wanted, in JSON as a rule.
fn placing(ports: Ports, name: String) -> BoxFuture<'static, Result<Answer, StoreError>> {
    Box::pin(async move {
        let mut tx = ports.store.begin().await?;
        if tx.get("orders", &name).await?.is_some() {
            return Ok(Answer::Yes);
        }
        tx.put("orders", &name, Expected::Absent, b"1".to_vec().into()).await?;
        let body = Bytes::from_static(if name == UNREADABLE { b"one" } else { b"1" });
        let placed = MessageBuilder::new("front", "order.placed", name.as_str()).topic("orders").partition_key(&*name);
        tx.stage(&placed.data("application/json", body).draw(&*ports.clock, &*ports.random)).await?;
        tx.commit().await?;
        Ok(Answer::Yes)
    })
}

fn wanted(message: &Message) -> Result<u32, DecodeError> {
    message.json()
}

#[test]
fn a_relay_that_stops_at_a_row_that_it_can_not_read() {
    let wrong = Service::wrong("stops-at-a-row-that-it-can-not-read", relaying);
    is_found_and_the_right_service_holds("no-row-stuck", wrong);
}

/// A row that nobody can read is given up, and it is the workload that made it so.
fn relaying(is_right: bool) -> Topology {
    let fronts = fronts(move |boot| {
        let relay = relay_by_hand(boot.ports.clone(), move |ports, token, rows| pass(ports, token, rows, is_right));
        front_beside(boot, relay, placing)
    });
    listener(fronts).without("dead-only-injected")
}

/// Publishes rows, the largest orders first.
async fn pass(ports: Ports, token: ClaimToken, mut rows: Vec<OutboxRow>, is_right: bool) -> Result<(), StoreError> {
    let read = |row: &OutboxRow| wanted(&row.message);
    if is_right {
        let unread: Vec<_> = rows.extract_if(.., |row| read(row).is_err()).collect();
        let refused: Vec<PublishResult> = vec![Err(PublishError::Refused("it can't be read".into())); unread.len()];
        settle(&ports, token, &unread, &refused).await?;
    }
    let orders: Result<Vec<u32>, _> = rows.iter().map(read).collect();
    orders.map_err(|error| StoreError::Refused(error.to_string().into()))?;
    rows.sort_by_key(|row| read(row).map_or(0, |wanted| u32::MAX - wanted));
    settle(&ports, token, &rows, &publish(&ports, &rows).await).await
}

#[test]
fn a_consumer_that_stops_at_a_message_that_it_can_not_read() {
    let wrong = Service::wrong("stops-at-a-message-that-it-can-not-read", listening);
    is_found_and_the_right_service_holds("message-unhandled", wrong);
}

fn listening(is_right: bool) -> Topology {
    let fronts = fronts(|boot| front_beside_relay(boot, placing)).without("dead-only-injected");
    let listener = fronts.process("listener-1", "listener", "listener", move |boot| async move {
        let ports = boot.ports;
        match is_right {
            true => {
                let handlers = Handlers::builder().on("order.placed", Books).build().expect("one handler");
                Consumer::new(&ports, "listener", handlers, ["orders"]).run().await;
            }
            false => listen(&ports).await,
        }
    });
    listener.group("listener", &["orders"])
}

struct Books;

#[async_trait]
impl Handler for Books {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let wanted = wanted(message).map_err(|error| HandlerError::Undecodable(error.to_string().into()))?;
        book(tx, message, wanted).await.map_err(Into::into)
    }
}

async fn book(tx: &mut dyn Transaction, message: &Message, wanted: u32) -> Result<(), StoreError> {
    let wanted = wanted.to_string().into_bytes();
    tx.put("bookings", &message.id.to_string(), Expected::Absent, wanted.into()).await?;
    Ok(())
}

/// Reads all that it receives and handles it then, or subscribes again.
async fn listen(ports: &Ports) {
    let spec = SubscriptionSpec { group: "listener".into(), topics: vec!["orders".into()] };
    while !ports.stop.is_set() {
        let subscribing = pin!(limited(ports, ports.broker.subscribe(&spec)));
        let Either::Left((subscribed, _)) = select(subscribing, pin!(ports.stop.wait())).await else { return };
        if let Ok(member) = subscribed {
            while let Either::Left((Ok(deliveries), _)) = select(member.receive(16), pin!(ports.stop.wait())).await {
                let read = deliveries.iter().map(|delivery| wanted(&delivery.message));
                let Ok(orders) = read.collect::<Result<Vec<u32>, _>>() else { break };
                for (delivery, wanted) in deliveries.iter().zip(orders) {
                    let _ = match handle(ports, &delivery.message, wanted).await {
                        Ok(()) => limited(ports, member.ack(delivery.tag)).await,
                        Err(_) => limited(ports, member.nack(delivery.tag, REST)).await,
                    };
                }
            }
        }
        ports.clock.sleep(Duration::from_secs(1)).await;
    }
}

async fn handle(ports: &Ports, message: &Message, wanted: u32) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    if tx.inbox_insert(&InboxEntry::for_message("listener", message)).await? == InboxInsert::First {
        book(&mut *tx, message, wanted).await?;
        tx.commit().await?;
    }
    Ok(())
}
