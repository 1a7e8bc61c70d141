//! A handler that takes longer than the broker's visibility timeout keeps its delivery, where it is told to.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use seaworthy_core::{
    inbox::ConsumerConfig,
    message::Message,
    ports::{
        Broker, BrokerError, Delivery, DeliveryTag, Intercepted, Operation, Ports, PublishResult, Subscription,
        SubscriptionSpec,
    },
};

use crate::support::{
    Kind, World,
    calls::{Calls, Fate},
    inbox::{SHOP, Scripted, order},
    on_each_store,
    warnings::Warnings,
};

/// Time after which this broker delivers again.
const VISIBILITY: Duration = Duration::from_secs(5);

/// Takes 12 s for the first order, and a moment for each other.
fn slow() -> Scripted {
    Scripted::new(|_, message| {
        Box::pin(async move {
            if message.subject == "order-1" {
                tokio::time::sleep(Duration::from_secs(12)).await;
            }
            Ok(())
        })
    })
}

fn patient(config: ConsumerConfig) -> ConsumerConfig {
    config.handler_limit(Duration::from_secs(30))
}

/// Number of deliveries that another member of the group gets within 11 s, while a consumer has so many orders in hand.
async fn delivered_to_others(
    world: &World,
    handler: &Scripted,
    orders: u64,
    config: impl Fn(ConsumerConfig) -> ConsumerConfig,
) -> usize {
    world.publish((1..=orders).map(order)).await;
    world.ports.spawn("consumer", handler.consumer(&world.ports, config).run());
    world.pass(Duration::from_millis(10)).await;
    let spec = SubscriptionSpec { group: SHOP.into(), topics: vec![SHOP.into()] };
    let other = world.ports.broker.subscribe(&spec).await.expect("a broker that is up");
    match tokio::time::timeout(Duration::from_secs(11), other.receive(99)).await {
        Ok(deliveries) => deliveries.expect("a broker that is up").len(),
        Err(_) => 0,
    }
}

#[test]
fn what_is_in_hand_is_delivered_to_nobody_else_while_a_handler_takes_longer_than_the_visibility() {
    for (workers, orders) in [(1, 10), (4, 4)] {
        on_each_store(async |world| {
            let handler = slow();
            let config = |config| patient(config).extend(VISIBILITY).workers(workers);
            assert_eq!(delivered_to_others(world, &handler, orders, config).await, 0);
            world.pass(Duration::from_secs(60)).await;
            assert_eq!((handler.runs("order-1"), handler.subjects() as u64, world.unacknowledged()), (1, orders, 0));
        });
    }
}

#[test]
fn without_it_they_are_delivered_to_others_and_still_handled_once() {
    for (workers, orders) in [(1, 10), (4, 4)] {
        on_each_store(async |world| {
            let handler = slow();
            let config = |config| patient(config).workers(workers);
            let delivered = delivered_to_others(world, &handler, orders, config).await;
            // The whole batch; or, where others went on beside it, the one that takes so long, or the four that wait for the
            // one writer.
            let expected = match (workers, world.kind) {
                (1, _) => 10,
                (_, Kind::Memory) => 1,
                (_, Kind::Sqlite | Kind::Redb) => 4,
            };
            assert_eq!(delivered, expected);
            world.pass(Duration::from_secs(60)).await;
            assert_eq!((handler.runs("order-1"), handler.subjects() as u64, world.unacknowledged()), (1, orders, 0));
        });
    }
}

#[test]
fn a_delivery_that_is_extended_comes_again_soon_after_its_process_has_died() {
    on_each_store(async |world| {
        let handler = slow();
        world.publish([order(1)]).await;
        let config = |config| patient(config).extend(VISIBILITY);
        let doomed = tokio::spawn(handler.consumer(&world.ports, config).run());
        world.pass(Duration::from_secs(10)).await;
        doomed.abort();
        world.ports.spawn("consumer", handler.consumer(&world.ports, config).run());
        world.pass(Duration::from_secs(20)).await;
        assert_eq!((handler.runs("order-1"), world.unacknowledged()), (2, 0));
    });
}

/// A broker in front of one that can extend, which can't.
struct Unextended(Arc<dyn Broker>);

struct Member(Box<dyn Subscription>);

#[async_trait]
impl Broker for Unextended {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<PublishResult>, BrokerError> {
        self.0.publish(batch).await
    }

    async fn subscribe(&self, spec: &SubscriptionSpec) -> Result<Box<dyn Subscription>, BrokerError> {
        Ok(Box::new(Member(self.0.subscribe(spec).await?)))
    }
}

#[async_trait]
impl Subscription for Member {
    async fn receive(&self, max: usize) -> Result<Vec<Delivery>, BrokerError> {
        self.0.receive(max).await
    }

    async fn ack(&self, tag: DeliveryTag) -> Result<(), BrokerError> {
        self.0.ack(tag).await
    }

    async fn nack(&self, tag: DeliveryTag, delay: Duration) -> Result<(), BrokerError> {
        self.0.nack(tag, delay).await
    }
}

#[test]
fn a_broker_that_can_not_extend_is_named_once_and_everything_is_handled_all_the_same() {
    for workers in [1, 4] {
        on_each_store(async |world| {
            let broker = Arc::new(Unextended(world.ports.broker.clone()));
            let ports = Ports { broker, ..world.ports.clone() };
            let handler = slow();
            world.publish((1..=10).map(order)).await;
            let heard = Warnings::listen();
            let config = |config| patient(config).extend(VISIBILITY).workers(workers);
            ports.spawn("consumer", handler.consumer(&ports, config).run());
            let named = || heard.lines().iter().filter(|line| line.contains("extends no deliveries")).count();
            world.pass(Duration::from_secs(2)).await;
            assert_eq!(named(), 1, "as soon as it has said so: {:?}", heard.lines());
            world.pass(Duration::from_secs(60)).await;
            assert_eq!((handler.subjects(), world.unacknowledged()), (10, 0));
            assert_eq!(named(), 1, "{:?}", heard.lines());
        });
    }
}

/// The first extension is never answered: it is given up before the time of those beside it is over, and so is not theirs.
#[test]
fn an_extension_that_is_not_answered_costs_no_other_delivery_its_time() {
    for (workers, orders) in [(1, 10), (4, 4)] {
        on_each_store(async |world| {
            let handler = slow();
            let hangs =
                |asked, number| if (asked, number) == (Operation::Extend, 1) { Fate::Hangs } else { Fate::Well };
            let (calls, _) = Calls::before(&world.ports, hangs);
            let broker = Arc::new(Intercepted::new(world.ports.broker.clone(), calls.clone()));
            let ports = Ports { broker, ..world.ports.clone() };
            world.publish((1..=orders).map(order)).await;
            let config = |config| patient(config).extend(VISIBILITY).workers(workers);
            ports.spawn("consumer", handler.consumer(&ports, config).run());
            world.pass(Duration::from_secs(60)).await;
            assert!(calls.times(Operation::Extend).len() > 1, "it goes on to extend");
            assert_eq!((handler.runs("order-1"), handler.subjects() as u64, world.unacknowledged()), (1, orders, 0));
            assert_eq!(handler.runs("order-2"), 1, "it was delivered once");
        });
    }
}
