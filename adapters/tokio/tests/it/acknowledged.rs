//! The broker that accepts what every group has acknowledged: it says so neither earlier nor for ever later.

use std::{sync::Arc, time::Duration};

use seaworthy_core::{
    ids::MessageId,
    message::{Headers, Message},
    ports::{Broker, PublishError, PublishResult, Subscription, SubscriptionSpec, Timestamp},
};
use seaworthy_tokio::AcknowledgedBroker;
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout},
};
use uuid::Uuid;

fn broker() -> Arc<AcknowledgedBroker> {
    Arc::new(AcknowledgedBroker::new(&[("shipping", &["orders"]), ("audit", &["orders", "shipments"])]))
}

fn message(number: u128) -> Message {
    Message {
        id: MessageId(Uuid::from_u128(number)),
        source: "orders".into(),
        kind: "order.confirmed".into(),
        topic: "orders".into(),
        subject: "order".into(),
        time: Timestamp::EPOCH,
        content_type: "application/json".into(),
        partition_key: "order".into(),
        sequence: 1,
        epoch: 0,
        gap: 0,
        schedule: seaworthy_core::message::Schedule::NONE,
        correlation_id: Uuid::nil(),
        causation_id: None,
        traceparent: None,
        headers: Headers::new(),
        data: "{}".into(),
    }
}

async fn member(broker: &AcknowledgedBroker, group: &str, topics: &[&str]) -> Box<dyn Subscription> {
    let topics = topics.iter().map(|topic| (*topic).into()).collect();
    broker.subscribe(&SubscriptionSpec { group: group.into(), topics }).await.expect("a member")
}

fn publish(broker: &Arc<AcknowledgedBroker>, message: Message) -> JoinHandle<PublishResult> {
    let broker = broker.clone();
    tokio::spawn(async move { broker.publish(&[message]).await.expect("the broker is up").remove(0) })
}

async fn ack_one(member: &dyn Subscription) {
    let delivery = member.receive(1).await.expect("a delivery").remove(0);
    member.ack(delivery.tag).await.expect("it is out");
}

#[tokio::test(start_paused = true)]
async fn a_message_is_accepted_once_every_group_has_acknowledged_it_and_not_before() {
    let broker = broker();
    let shipping = member(&broker, "shipping", &["orders"]).await;
    let audit = member(&broker, "audit", &["orders", "shipments"]).await;
    let mut published = publish(&broker, message(1));
    ack_one(&*shipping).await;
    let early = timeout(Duration::from_millis(500), &mut published).await;
    assert!(early.is_err(), "one group has yet to acknowledge it: {early:?}");
    ack_one(&*audit).await;
    let began = Instant::now();
    assert_eq!(published.await.expect("no panic"), Ok(()));
    assert_eq!(began.elapsed(), Duration::ZERO, "at once");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_a_group_does_not_acknowledge_is_unknown_after_two_seconds() {
    let broker = broker();
    let shipping = member(&broker, "shipping", &["orders"]).await;
    let began = Instant::now();
    let published = publish(&broker, message(1));
    ack_one(&*shipping).await;
    let result = published.await.expect("no panic");
    assert!(matches!(result, Err(PublishError::Unknown(_))), "{result:?}");
    assert_eq!(began.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_given_back_is_not_acknowledged() {
    let broker = broker();
    let shipping = member(&broker, "shipping", &["orders"]).await;
    let audit = member(&broker, "audit", &["orders", "shipments"]).await;
    let published = publish(&broker, message(1));
    ack_one(&*audit).await;
    let delivery = shipping.receive(1).await.expect("a delivery").remove(0);
    shipping.nack(delivery.tag, Duration::from_secs(60)).await.expect("it is out");
    let result = published.await.expect("no panic");
    assert!(matches!(result, Err(PublishError::Unknown(_))), "{result:?}");
}

/// A group that is slow would get slower with each copy.
#[tokio::test(start_paused = true)]
async fn a_message_that_is_published_again_while_a_group_has_it_comes_to_nobody_twice() {
    let broker = broker();
    let shipping = member(&broker, "shipping", &["orders"]).await;
    let audit = member(&broker, "audit", &["orders", "shipments"]).await;
    ack_one_of(&broker, &*shipping).await;
    let published = publish(&broker, message(1));
    let result = published.await.expect("no panic");
    assert!(matches!(result, Err(PublishError::Unknown(_))), "audit has not acknowledged it: {result:?}");
    let published = publish(&broker, message(1));
    ack_one(&*audit).await;
    assert_eq!(published.await.expect("no panic"), Ok(()), "the first copy was all that it waited for");
    for member in [&shipping, &audit] {
        let more = timeout(Duration::from_secs(60), member.receive(1)).await;
        assert!(more.is_err(), "a second copy");
    }
    // What was accepted and is published once more, as by an operator, is a message like any other.
    let published = publish(&broker, message(1));
    ack_one(&*shipping).await;
    ack_one(&*audit).await;
    assert_eq!(published.await.expect("no panic"), Ok(()));
}

/// The last group acknowledges it while nobody asks.
#[tokio::test(start_paused = true)]
async fn a_message_that_was_acknowledged_late_is_accepted_at_once_when_it_is_published_again() {
    let broker = broker();
    let shipping = member(&broker, "shipping", &["orders"]).await;
    let audit = member(&broker, "audit", &["orders", "shipments"]).await;
    ack_one_of(&broker, &*shipping).await;
    ack_one(&*audit).await;
    let began = Instant::now();
    assert_eq!(publish(&broker, message(1)).await.expect("no panic"), Ok(()));
    assert_eq!(began.elapsed(), Duration::ZERO);
    let more = timeout(Duration::from_secs(60), shipping.receive(1)).await;
    assert!(more.is_err(), "a second copy");
}

/// Publishes the message until its publisher has lost patience, and has one group acknowledge it meanwhile.
async fn ack_one_of(broker: &Arc<AcknowledgedBroker>, member: &dyn Subscription) {
    let published = publish(broker, message(1));
    ack_one(member).await;
    let result = published.await.expect("no panic");
    assert!(matches!(result, Err(PublishError::Unknown(_))), "{result:?}");
}
