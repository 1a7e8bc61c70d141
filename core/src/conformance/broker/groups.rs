//! Checks of consumer groups.

use super::steps::{drain, ids, join, message_ids, publish, sorted, take};
use crate::{
    conformance::{BrokerSubject, CheckVerdict, Outcome, outcome::expect_eq, samples::lone},
    message::Message,
    ports::SubscriptionSpec,
};

/// An acknowledgement of one group says nothing about another.
pub async fn each_group_gets_every_message(subject: &dyn BrokerSubject) -> Outcome {
    let broker = subject.fresh().await;
    let shipping = join(&*broker, "shipping").await?;
    let billing = join(&*broker, "billing").await?;
    let sent = [1, 2, 3].map(lone);
    publish(&*broker, &sent).await?;
    let promise = "each group gets every message";
    expect_eq(promise, sorted(message_ids(&drain(subject, &*shipping).await?)), message_ids(&sent))?;
    expect_eq(promise, sorted(message_ids(&drain(subject, &*billing).await?)), message_ids(&sent))?;
    Ok(CheckVerdict::Held)
}

/// Messages that one member has acknowledged reach no other member.
pub async fn members_of_a_group_share_its_messages(subject: &dyn BrokerSubject) -> Outcome {
    let broker = subject.fresh().await;
    let members = vec![join(&*broker, "shipping").await?, join(&*broker, "shipping").await?];
    let sent: Vec<Message> = (0..12).map(lone).collect();
    publish(&*broker, &sent).await?;
    let mut handled = Vec::new();
    for _ in 0..sent.len() {
        for member in &members {
            let received = take(subject, &**member, 2).await?;
            handled.extend(ids(&received));
            for delivery in received {
                member.ack(delivery.tag).await?;
            }
        }
        if handled.len() >= sent.len() {
            break;
        }
    }
    let promise = "members of a group share its messages: each is handled by one";
    expect_eq(promise, sorted(handled), message_ids(&sent))?;
    for member in &members {
        expect_eq(promise, ids(&take(subject, &**member, 9).await?), vec![])?;
    }
    Ok(CheckVerdict::Held)
}

/// A group receives messages of its own topics only.
pub async fn a_group_gets_its_topics_only(subject: &dyn BrokerSubject) -> Outcome {
    let broker = subject.fresh().await;
    let orders = join(&*broker, "shipping").await?;
    let both = SubscriptionSpec { group: "archive".into(), topics: vec!["orders".into(), "refunds".into()] };
    let both = broker.subscribe(&both).await?;
    let refund = Message { topic: "refunds".into(), ..lone(2) };
    publish(&*broker, &[lone(1), refund]).await?;
    let promise = "a group gets the messages of its topics";
    expect_eq(promise, message_ids(&drain(subject, &*orders).await?), vec![lone(1).id])?;
    let archived = sorted(message_ids(&drain(subject, &*both).await?));
    expect_eq(promise, archived, vec![lone(1).id, lone(2).id])?;
    Ok(CheckVerdict::Held)
}
