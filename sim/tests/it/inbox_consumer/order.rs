//! The order of a key, where its messages fail.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    inbox::{Consumer, ConsumerConfig, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    ports::{Broker, BrokerError, Delivery, DeliveryTag, PublishResult, Subscription, SubscriptionSpec, Timestamp},
};

use super::{Count, counting, declare, publish};
use crate::messaging::{ms, on_bench};

#[test]
fn a_message_that_fails_is_handled_before_the_later_ones_of_its_key() {
    on_bench(4, async |bench| {
        declare(&bench);
        let mut ids = Vec::new();
        for sequence in 1..=9 {
            ids.push(publish(&bench, "order-1", "order.placed", sequence).await.id);
        }
        // Each message fails twice.
        let count = Count::new(|_, before| match before {
            0 | 1 => Err(HandlerError::Unavailable("not yet".into())),
            _ => Ok(()),
        });
        madsim::task::spawn(counting(&bench, &count).run());
        bench.pass(Duration::from_secs(60)).await;
        let expected: Vec<_> = ids.iter().flat_map(|id| [*id; 3]).collect();
        assert_eq!(count.calls(), expected);
    });
}

/// A delivery by position, and for how long it was given back, if it was.
type Heard = (u64, Option<Duration>);

/// A broker that hands out everything at once, several messages of one key too, as one with a prefetch does.
#[derive(Clone, Default)]
struct Prefetching {
    deliveries: Arc<Mutex<Vec<Message>>>,
    /// What the broker heard of each delivery, by position: acknowledged, or given back for how long.
    heard: Arc<Mutex<Vec<Heard>>>,
}

#[async_trait]
impl Broker for Prefetching {
    async fn publish(&self, _: &[Message]) -> Result<Vec<PublishResult>, BrokerError> {
        Err(BrokerError::Unavailable("nothing is published in this test".into()))
    }

    async fn subscribe(&self, _: &SubscriptionSpec) -> Result<Box<dyn Subscription>, BrokerError> {
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl Subscription for Prefetching {
    async fn receive(&self, _: usize) -> Result<Vec<Delivery>, BrokerError> {
        let messages = std::mem::take(&mut *self.deliveries.lock().unwrap());
        if messages.is_empty() {
            std::future::pending::<()>().await;
        }
        let delivery = |(tag, message)| Delivery { tag: DeliveryTag(tag), redeliveries: 0, message };
        Ok((0..).zip(messages).map(delivery).collect())
    }

    async fn ack(&self, tag: DeliveryTag) -> Result<(), BrokerError> {
        self.heard.lock().unwrap().push((tag.0, None));
        Ok(())
    }

    async fn nack(&self, tag: DeliveryTag, delay: Duration) -> Result<(), BrokerError> {
        self.heard.lock().unwrap().push((tag.0, Some(delay)));
        Ok(())
    }
}

#[test]
fn later_messages_of_a_key_in_one_batch_do_not_overtake_one_that_fails() {
    for workers in [1, 4] {
        the_later_ones_wait(workers);
    }
}

fn the_later_ones_wait(workers: usize) {
    on_bench(15, async move |bench| {
        let message = |number: u128, key: &str| {
            MessageBuilder::new("orders", "order.placed", key).derive(
                uuid::Uuid::from_u128(number),
                &[],
                Timestamp::EPOCH,
            )
        };
        let batch = [message(1, "a"), message(2, "a"), message(3, "b"), message(4, "a")];
        let (failing, other) = (batch[0].id, batch[2].id);
        let broker = Prefetching::default();
        broker.deliveries.lock().unwrap().extend(batch);
        let count = Count::new(move |message, _| match message.id == failing {
            true => Err(HandlerError::Unavailable("not yet".into())),
            false => Ok(()),
        });
        let handlers = Handlers::builder().on("order.placed", count.clone()).build().unwrap();
        let (store, config) = (bench.store.clone(), ConsumerConfig::new(["orders"]).workers(workers));
        let ports = (Arc::new(broker.clone()), bench.clock.clone(), bench.random.clone());
        let consumer = Consumer::from_parts("shipping", store, ports.0, ports.1, ports.2, handlers, config);
        madsim::task::spawn(consumer.run());
        bench.pass(ms(10)).await;
        assert_eq!(count.calls(), [failing, other]);
        let mut heard = broker.heard.lock().unwrap().clone();
        // Side by side, it is the order of each key that counts.
        heard.sort_by_key(|(position, _)| if workers == 1 { 0 } else { *position });
        let delay = heard[0].1;
        assert!(delay.is_some());
        assert_eq!(heard, [(0, delay), (1, delay), (2, None), (3, delay)]);
    });
}
