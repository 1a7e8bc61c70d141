//! At-least-once: delivery, redelivery, acknowledgement.

use super::steps::{drain, ids, join, message_ids, publish, sorted, take};
use crate::{
    conformance::{
        BrokerSubject, CheckVerdict, Outcome,
        outcome::{expect, expect_eq},
        poll::settled,
        samples::lone,
    },
    message::Message,
};

/// Envelope and payload arrive as they were sent.
pub async fn every_message_is_delivered_as_it_was_published(subject: &dyn BrokerSubject) -> Outcome {
    let broker = subject.fresh().await;
    let member = join(&*broker, "shipping").await?;
    let bare = Message { causation_id: None, traceparent: None, data: vec![0, 255].into(), sequence: 7, ..lone(0) };
    let mut sent: Vec<Message> = (1..30).map(lone).collect();
    sent.insert(0, bare);
    for batch in sent.chunks(7) {
        publish(&*broker, batch).await?;
    }
    let mut delivered = drain(subject, &*member).await?;
    delivered.sort_by_key(|message| message.id);
    expect_eq("every accepted message is delivered, as it was published", delivered, sent)?;
    Ok(CheckVerdict::Held)
}

/// A receive that waits ends when a message comes.
pub async fn a_waiting_receive_gets_what_is_published(subject: &dyn BrokerSubject) -> Outcome {
    let broker = subject.fresh().await;
    let member = join(&*broker, "shipping").await?;
    let mut receiving = member.receive(1);
    let early = settled(&mut receiving).await.map(|received| received.map(|received| ids(&received)));
    expect_eq("a receive waits while there is nothing", early, None)?;
    publish(&*broker, &[lone(1)]).await?;
    expect_eq("a receive that waits gets what is published", ids(&receiving.await?), vec![lone(1).id])?;
    Ok(CheckVerdict::Held)
}

/// At least one, at most `max`.
pub async fn a_receive_returns_no_more_than_it_asked_for(subject: &dyn BrokerSubject) -> Outcome {
    let broker = subject.fresh().await;
    let member = join(&*broker, "shipping").await?;
    publish(&*broker, &[1, 2, 3, 4, 5].map(lone)).await?;
    let mut received = 0;
    while received < 5 {
        let batch = take(subject, &*member, 2).await?.len();
        let fits = (1..=2).contains(&batch);
        expect("a receive returns at least one message and no more than it asked for", fits, || {
            format!("{batch} after {received} of 5, where 2 were asked for")
        })?;
        received += batch;
    }
    Ok(CheckVerdict::Held)
}

/// Acknowledged is done.
pub async fn an_acknowledged_message_does_not_come_back(subject: &dyn BrokerSubject) -> Outcome {
    let broker = subject.fresh().await;
    let member = join(&*broker, "shipping").await?;
    publish(&*broker, &[lone(1), lone(2)]).await?;
    expect_eq("every accepted message is delivered", drain(subject, &*member).await?.len(), 2)?;
    subject.advance(subject.visibility_timeout() * 2).await;
    let again = take(subject, &*member, 9).await?;
    expect_eq("an acknowledged message does not come back", ids(&again), vec![])?;
    Ok(CheckVerdict::Held)
}

/// Not before the timeout; after it under another tag, counted.
pub async fn an_unacknowledged_message_comes_back_after_the_visibility_timeout(subject: &dyn BrokerSubject) -> Outcome {
    let broker = subject.fresh().await;
    let member = join(&*broker, "shipping").await?;
    publish(&*broker, &[lone(1)]).await?;
    let first = take(subject, &*member, 9).await?;
    expect_eq("every accepted message is delivered", ids(&first), vec![lone(1).id])?;
    expect_eq("a first delivery is no redelivery", first[0].redeliveries, 0)?;
    let early = take(subject, &*member, 9).await?;
    expect_eq("a message does not come back before the visibility timeout", ids(&early), vec![])?;
    subject.advance(subject.visibility_timeout()).await;
    let second = take(subject, &*member, 9).await?;
    expect_eq("a message that is not acknowledged comes back", ids(&second), vec![lone(1).id])?;
    expect("each delivery has a tag of its own", second[0].tag != first[0].tag, || {
        format!("{:?} twice", first[0].tag)
    })?;
    expect_eq("a redelivery says how many there were before", second[0].redeliveries, 1)?;
    Ok(CheckVerdict::Held)
}

/// The old tag neither frees the message nor gives it back.
pub async fn a_late_acknowledgement_changes_nothing(subject: &dyn BrokerSubject) -> Outcome {
    let broker = subject.fresh().await;
    let member = join(&*broker, "shipping").await?;
    publish(&*broker, &[lone(1)]).await?;
    let promise = "an acknowledgement after the visibility timeout changes nothing";
    let first = take(subject, &*member, 9).await?;
    expect_eq("every accepted message is delivered", first.len(), 1)?;
    subject.advance(subject.visibility_timeout()).await;
    // Late, and before the message was delivered again.
    member.ack(first[0].tag).await?;
    let second = take(subject, &*member, 9).await?;
    expect_eq(promise, ids(&second), vec![lone(1).id])?;
    // Late, and while the message is out again.
    member.ack(first[0].tag).await?;
    member.nack(first[0].tag, std::time::Duration::ZERO).await?;
    expect_eq(promise, ids(&take(subject, &*member, 9).await?), vec![])?;
    subject.advance(subject.visibility_timeout()).await;
    expect_eq(promise, ids(&take(subject, &*member, 9).await?), vec![lone(1).id])?;
    Ok(CheckVerdict::Held)
}

/// A nack's delay is kept, and is not the visibility timeout.
pub async fn a_message_given_back_comes_back_after_its_delay(subject: &dyn BrokerSubject) -> Outcome {
    let broker = subject.fresh().await;
    let member = join(&*broker, "shipping").await?;
    publish(&*broker, &[lone(1)]).await?;
    let promise = "a message that is given back comes back after its delay";
    let first = take(subject, &*member, 9).await?;
    expect_eq("every accepted message is delivered", first.len(), 1)?;
    member.nack(first[0].tag, std::time::Duration::ZERO).await?;
    let second = take(subject, &*member, 9).await?;
    expect_eq(promise, ids(&second), vec![lone(1).id])?;
    let delay = subject.visibility_timeout() * 3;
    member.nack(second[0].tag, delay).await?;
    subject.advance(subject.visibility_timeout() * 2).await;
    expect_eq("and not before it", ids(&take(subject, &*member, 9).await?), vec![])?;
    subject.advance(subject.visibility_timeout()).await;
    expect_eq(promise, ids(&take(subject, &*member, 9).await?), vec![lone(1).id])?;
    Ok(CheckVerdict::Held)
}

/// While a message is out, no other member of the group gets it.
pub async fn a_message_is_out_at_one_member_at_a_time(subject: &dyn BrokerSubject) -> Outcome {
    let broker = subject.fresh().await;
    let one = join(&*broker, "shipping").await?;
    let two = join(&*broker, "shipping").await?;
    publish(&*broker, &[1, 2, 3, 4].map(lone)).await?;
    let mut out = Vec::new();
    for _ in 0..4 {
        // Some brokers assign keys to members, so either may get any number of them.
        out.extend(ids(&take(subject, &*one, 1).await?));
        out.extend(ids(&take(subject, &*two, 1).await?));
        if out.len() >= 4 {
            break;
        }
    }
    let expected = message_ids(&[1, 2, 3, 4].map(lone));
    expect_eq("a message is out at one member of a group at a time", sorted(out), expected)?;
    Ok(CheckVerdict::Held)
}

/// A member that is gone does not keep its messages for the visibility timeout.
pub async fn a_member_that_leaves_gives_back_what_it_had(subject: &dyn BrokerSubject) -> Outcome {
    let broker = subject.fresh().await;
    let leaving = join(&*broker, "shipping").await?;
    publish(&*broker, &[1, 2].map(lone)).await?;
    let had = take(subject, &*leaving, 9).await?;
    expect_eq("every accepted message is delivered", had.len(), 2)?;
    leaving.ack(had[0].tag).await?;
    drop(leaving);
    let staying = join(&*broker, "shipping").await?;
    let got = take(subject, &*staying, 9).await?;
    expect_eq("what a member had and did not acknowledge is delivered again", ids(&got), ids(&had[1..]))?;
    Ok(CheckVerdict::Held)
}

/// A receive is dropped while it waits and while messages come.
pub async fn a_dropped_receive_loses_nothing(subject: &dyn BrokerSubject) -> Outcome {
    let broker = subject.fresh().await;
    let member = join(&*broker, "shipping").await?;
    let mut waiting = member.receive(9);
    let early = settled(&mut waiting).await.is_none();
    expect("a receive waits while there is nothing", early, || "an answer".into())?;
    publish(&*broker, &[lone(1), lone(2)]).await?;
    drop(waiting);
    // What the dropped receive had been given comes back after the visibility timeout.
    let mut delivered = message_ids(&drain(subject, &*member).await?);
    if delivered.len() < 2 {
        subject.advance(subject.visibility_timeout()).await;
        delivered.extend(message_ids(&drain(subject, &*member).await?));
    }
    expect_eq("a dropped receive loses nothing", sorted(delivered), vec![lone(1).id, lone(2).id])?;
    Ok(CheckVerdict::Held)
}
