//! A consumer while its broker can't be reached.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    message::Message,
    ports::{
        Broker, BrokerError, Clock, Delivery, DeliveryTag, Extended, Ports, PublishResult, Subscription,
        SubscriptionSpec, Timestamp,
    },
};

use crate::support::{
    World,
    inbox::{Scripted, order},
    on_each_store,
};

/// A broker that a group can join only at some times.
struct GatedBroker {
    behind: Arc<dyn Broker>,
    clock: Arc<dyn Clock>,
    is_shut: fn(Timestamp) -> Shut,
    tried: Mutex<Vec<Timestamp>>,
}

enum Shut {
    No,
    Refused,
    /// Nobody answers.
    Silent,
}

#[async_trait]
impl Broker for GatedBroker {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<PublishResult>, BrokerError> {
        self.behind.publish(batch).await
    }

    async fn subscribe(&self, spec: &SubscriptionSpec) -> Result<Box<dyn Subscription>, BrokerError> {
        let now = self.clock.now();
        self.tried.lock().expect("no panic with it in hand").push(now);
        match (self.is_shut)(now) {
            Shut::No => Ok(Box::new(Through {
                inner: self.behind.subscribe(spec).await?,
                clock: self.clock.clone(),
                is_shut: self.is_shut,
            })),
            Shut::Refused => Err(BrokerError::Unavailable("down".into())),
            Shut::Silent => std::future::pending().await,
        }
    }
}

/// A membership that ends when the door is shut.
struct Through {
    inner: Box<dyn Subscription>,
    clock: Arc<dyn Clock>,
    is_shut: fn(Timestamp) -> Shut,
}

#[async_trait]
impl Subscription for Through {
    async fn receive(&self, max: usize) -> Result<Vec<Delivery>, BrokerError> {
        loop {
            if let Shut::Refused = (self.is_shut)(self.clock.now()) {
                return Err(BrokerError::Unavailable("down".into()));
            }
            let soon = Duration::from_millis(100);
            if let Ok(received) = tokio::time::timeout(soon, self.inner.receive(max)).await {
                return received;
            }
        }
    }

    async fn ack(&self, tag: DeliveryTag) -> Result<(), BrokerError> {
        self.inner.ack(tag).await
    }

    async fn nack(&self, tag: DeliveryTag, delay: Duration) -> Result<(), BrokerError> {
        self.inner.nack(tag, delay).await
    }

    async fn extend(&self, tag: DeliveryTag, by: Duration) -> Result<Extended, BrokerError> {
        self.inner.extend(tag, by).await
    }
}

fn behind_a_door(world: &World, is_shut: fn(Timestamp) -> Shut) -> (Arc<GatedBroker>, Ports) {
    let (behind, clock) = (world.ports.broker.clone(), world.ports.clock.clone());
    let door = Arc::new(GatedBroker { behind, clock, is_shut, tried: Mutex::default() });
    let ports = Ports { broker: door.clone(), ..world.ports.clone() };
    (door, ports)
}

/// Pauses between the attempts from a second to another, in milliseconds.
fn gaps(door: &GatedBroker, seconds: std::ops::Range<i64>) -> Vec<i64> {
    let all = door.tried.lock().expect("no panic with it in hand");
    let millis: Vec<i64> = all.iter().map(|at| at.as_micros() / 1_000).collect();
    let within: Vec<i64> = millis.into_iter().filter(|at| seconds.contains(&(at / 1_000))).collect();
    within.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn a_broker_that_is_down_is_tried_for_longer_and_longer_and_at_once_at_its_next_outage() {
    on_each_store(async |world| {
        // Down in every even minute.
        let (door, ports) = behind_a_door(world, |now| match (now.as_micros() / 60_000_000) % 2 {
            0 => Shut::Refused,
            _ => Shut::No,
        });
        let handler = Scripted::new(|_, _| Box::pin(async { Ok(()) }));
        world.publish([order(1)]).await;
        world.ports.spawn("consumer", handler.consumer(&ports, |config| config).run());
        world.pass(Duration::from_secs(90)).await;
        let first = gaps(&door, 0..60);
        // 100 ms, doubled up to 10 s, each give or take half.
        assert!((6..=14).contains(&first.len()) && first[0] <= 160, "{first:?}");
        assert!(first.last().is_some_and(|gap| *gap >= 5_000), "{first:?}");
        assert_eq!(handler.runs("order-1"), 1);
        world.pass(Duration::from_secs(60)).await;
        let second = gaps(&door, 120..150);
        assert!(second.first().is_some_and(|gap| *gap <= 160), "{second:?}");
    });
}

#[test]
fn a_consumer_hears_a_stop_while_its_broker_does_not_answer() {
    on_each_store(async |world| {
        let (_, ports) = behind_a_door(world, |_| Shut::Silent);
        let handler = Scripted::new(|_, _| Box::pin(async { Ok(()) }));
        let running = tokio::spawn(handler.consumer(&ports, |config| config).run());
        world.pass(Duration::from_secs(1)).await;
        ports.stop.set();
        tokio::time::timeout(Duration::from_secs(1), running).await.expect("it ends").expect("without a panic");
    });
}
