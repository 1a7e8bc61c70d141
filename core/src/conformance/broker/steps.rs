//! Steps that several checks of the broker share.

use futures_util::future::{Either, select};

use crate::{
    conformance::{BrokenPromise, BrokerSubject, outcome::expect_eq, poll::settled, samples::TOPIC},
    ids::MessageId,
    message::Message,
    ports::{Broker, BrokerError, Delivery, Subscription, SubscriptionSpec},
};

/// Joins a group that listens to the topic of the samples.
pub(super) async fn join(broker: &dyn Broker, group: &str) -> Result<Box<dyn Subscription>, BrokerError> {
    broker.subscribe(&SubscriptionSpec { group: group.into(), topics: vec![TOPIC.into()] }).await
}

/// Publishes a batch of which every message has to be accepted.
pub(super) async fn publish(broker: &dyn Broker, batch: &[Message]) -> Result<(), BrokenPromise> {
    let results = broker.publish(batch).await?;
    expect_eq("a broker accepts a message that a group is bound to", results, vec![Ok(()); batch.len()])
}

/// Receives until the subscription has been quiet for a while; returns nothing, or the deliveries of one receive.
pub(super) async fn take(
    subject: &dyn BrokerSubject,
    member: &dyn Subscription,
    max: usize,
) -> Result<Vec<Delivery>, BrokerError> {
    let mut receiving = member.receive(max);
    if let Some(received) = settled(&mut receiving).await {
        return received;
    }
    match select(receiving, subject.advance(subject.quiet())).await {
        Either::Left((received, _)) => received,
        Either::Right(((), mut receiving)) => settled(&mut receiving).await.unwrap_or(Ok(Vec::new())),
    }
}

/// Receives and acknowledges until it is quiet.
pub(super) async fn drain(subject: &dyn BrokerSubject, member: &dyn Subscription) -> Result<Vec<Message>, BrokerError> {
    let mut drained = Vec::new();
    loop {
        let received = take(subject, member, 4).await?;
        if received.is_empty() {
            return Ok(drained);
        }
        for delivery in received {
            member.ack(delivery.tag).await?;
            drained.push(delivery.message);
        }
    }
}

pub(super) fn ids(deliveries: &[Delivery]) -> Vec<MessageId> {
    deliveries.iter().map(|delivery| delivery.message.id).collect()
}

pub(super) fn message_ids(messages: &[Message]) -> Vec<MessageId> {
    messages.iter().map(|message| message.id).collect()
}

pub(super) fn sorted(mut ids: Vec<MessageId>) -> Vec<MessageId> {
    ids.sort();
    ids
}
