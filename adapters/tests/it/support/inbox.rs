//! Messages for a consumer, and a handler that does with each what a test says.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use seaworthy_core::{
    inbox::{Consumer, ConsumerConfig, Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    ports::{Broker, DeadLetter, DeadLetterRequest, Ports, SubscriptionSpec, Timestamp, Transaction},
};
use uuid::Uuid;

use super::World;

/// Name of the consumer, and of its topic.
pub(crate) const SHOP: &str = "shop";

/// A message of the producer `orders`, under a key of its own, in its place in the producer's order.
pub(crate) fn order(number: u64) -> Message {
    let subject = format!("order-{number}");
    let id = Uuid::new_v5(&Uuid::nil(), subject.as_bytes());
    let built = MessageBuilder::new("orders", "order.placed", subject.as_str()).topic(SHOP).json(&number);
    Message { sequence: number, ..built.expect("a number").derive(id, &["place"], Timestamp::EPOCH) }
}

/// A message of a key.
pub(crate) fn of_key(key: &str, message: Message) -> Message {
    Message { partition_key: key.into(), ..message }
}

type Deed =
    dyn for<'a> Fn(&'a mut dyn Transaction, &'a Message) -> BoxFuture<'a, Result<(), HandlerError>> + Send + Sync;

/// A handler that counts how often it is called for each subject.
#[derive(Clone)]
pub(crate) struct Scripted {
    deed: Arc<Deed>,
    runs: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Scripted {
    pub(crate) fn new(
        deed: impl for<'a> Fn(&'a mut dyn Transaction, &'a Message) -> BoxFuture<'a, Result<(), HandlerError>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self { deed: Arc::new(deed), runs: Arc::default() }
    }

    /// Number of calls for a subject.
    pub(crate) fn runs(&self, subject: &str) -> usize {
        self.runs.lock().expect("no panic with it in hand").get(subject).copied().unwrap_or(0)
    }

    /// Number of subjects that it was called for.
    pub(crate) fn subjects(&self) -> usize {
        self.runs.lock().expect("no panic with it in hand").len()
    }

    /// A consumer that handles messages so.
    pub(crate) fn consumer(&self, ports: &Ports, config: impl FnOnce(ConsumerConfig) -> ConsumerConfig) -> Consumer {
        let handlers = Handlers::builder().on("order.placed", self.clone()).build().expect("one handler for one type");
        Consumer::new(ports, SHOP, handlers, config(ConsumerConfig::new([SHOP])))
    }
}

#[async_trait]
impl Handler for Scripted {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        *self.runs.lock().expect("no panic with it in hand").entry(message.subject.to_string()).or_default() += 1;
        (self.deed)(tx, message).await
    }
}

impl World {
    /// Has the broker take messages for the consumer.
    pub(crate) async fn publish(&self, messages: impl IntoIterator<Item = Message>) {
        self.broker.behind().declare(&SubscriptionSpec { group: SHOP.into(), topics: vec![SHOP.into()] });
        let messages: Vec<Message> = messages.into_iter().collect();
        for answer in self.broker.publish(&messages).await.expect("a broker that is up") {
            answer.expect("a topic with a group");
        }
    }

    /// Number of messages that the consumer has yet to acknowledge.
    pub(crate) fn unacknowledged(&self) -> usize {
        self.broker.behind().unacknowledged(SHOP)
    }

    /// Dead letters of the consumer.
    pub(crate) async fn letters(&self) -> Vec<DeadLetter> {
        self.ports.store.dead_letters(&DeadLetterRequest::new(SHOP, 1_000)).await.expect("a store that is up")
    }
}
