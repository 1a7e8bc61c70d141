//! The consumer over the simulated store and broker.

mod duplicates;
mod failures;
mod order;
mod service;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::messaging::Bench;
use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    ids::MessageId,
    inbox::{Consumer, ConsumerConfig, Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    ports::{Broker, Expected, Store, SubscriptionSpec, Timestamp, Transaction},
};

/// What a handler is to do with a message, given how often it saw that message before.
type Behaviour = dyn Fn(&Message, u32) -> Result<(), HandlerError> + Send + Sync;

/// Counts, in a document for each message and with a message of its own, how often its effect was had.
#[derive(Clone)]
struct Count {
    behaviour: Arc<Behaviour>,
    calls: Arc<Mutex<Vec<MessageId>>>,
    takes: Duration,
}

impl Count {
    fn new(behaviour: impl Fn(&Message, u32) -> Result<(), HandlerError> + Send + Sync + 'static) -> Self {
        Self { behaviour: Arc::new(behaviour), calls: Arc::default(), takes: Duration::ZERO }
    }

    fn calls(&self) -> Vec<MessageId> {
        self.calls.lock().unwrap().clone()
    }
}

#[async_trait]
impl Handler for Count {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let before = {
            let mut calls = self.calls.lock().unwrap();
            calls.push(message.id);
            calls.iter().filter(|id| **id == message.id).count() as u32 - 1
        };
        if !self.takes.is_zero() {
            madsim::time::sleep(self.takes).await;
        }
        let id = message.id.to_string();
        let times = tx.get("effects", &id).await?.map_or(0, |document| document.body[0]);
        tx.put("effects", &id, Expected::Any, Bytes::from(vec![times + 1])).await?;
        let reply = MessageBuilder::new("shipping", "shipment.created", message.subject.clone())
            .caused_by(message)
            .derive(message.id.0, &["reply"], Timestamp::EPOCH);
        tx.stage(&reply).await?;
        (self.behaviour)(message, before)
    }
}

fn consumer(bench: &Bench, handlers: Handlers) -> Consumer {
    let (store, broker) = (bench.store.clone(), bench.broker.clone());
    let config = ConsumerConfig::new(["orders"]);
    Consumer::from_parts("shipping", store, broker, bench.clock.clone(), bench.random.clone(), handlers, config)
}

fn counting(bench: &Bench, count: &Count) -> Consumer {
    consumer(bench, Handlers::builder().on("order.placed", count.clone()).build().unwrap())
}

/// Publishes one message as a relay would, and returns it.
async fn publish(bench: &Bench, key: &str, kind: &str, sequence: u64) -> Message {
    let builder = MessageBuilder::new("orders", kind, key).json(&key).unwrap();
    let message = Message { sequence, ..builder.draw(&*bench.clock, &*bench.random) };
    bench.broker.publish(std::slice::from_ref(&message)).await.unwrap();
    message
}

async fn effects(bench: &Bench) -> BTreeMap<String, u8> {
    let mut tx = bench.store.begin().await.unwrap();
    let found = tx.scan("effects", None, 1_000).await.unwrap();
    found.into_iter().map(|(id, document)| (id.to_string(), document.body[0])).collect()
}

fn declare(bench: &Bench) {
    bench.broker.inner.declare(&SubscriptionSpec { group: "shipping".into(), topics: vec!["orders".into()] });
}
