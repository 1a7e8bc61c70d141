//! Order by partition key within a group.

use super::steps::{drain, ids, join, message_ids, publish, take};
use crate::{
    conformance::{
        BrokerSubject, CheckVerdict, Outcome,
        outcome::{expect, expect_eq},
        samples::{lone, message},
    },
    message::Message,
};

/// Numbers that are not in the order of publishing, so that a broker that sorts is found out.
const NUMBERS: [u64; 6] = [5, 1, 4, 2, 6, 3];

/// In the order in which the broker accepted them, for each key.
pub async fn messages_of_a_key_are_delivered_in_the_order_of_publishing(subject: &dyn BrokerSubject) -> Outcome {
    let broker = subject.fresh().await;
    let member = join(&*broker, "shipping").await?;
    for number in NUMBERS {
        publish(&*broker, &[message(number, "a"), message(100 + number, "b")]).await?;
    }
    let delivered = drain(subject, &*member).await?;
    for (key, base) in [("a", 0), ("b", 100)] {
        let of_key =
            delivered.iter().filter(|message| message.partition_key == key).map(|message| message.id).collect();
        let expected = message_ids(&NUMBERS.map(|number| message(base + number, key)));
        expect_eq("messages of a key are delivered in the order in which they were accepted", of_key, expected)?;
    }
    Ok(CheckVerdict::Held)
}

/// While a message is out, no later one of its key is handed out, to anybody in the group.
pub async fn a_key_waits_while_one_of_its_messages_is_out(subject: &dyn BrokerSubject) -> Outcome {
    let broker = subject.fresh().await;
    let one = join(&*broker, "shipping").await?;
    publish(&*broker, &[message(1, "a"), message(2, "a"), lone(3)]).await?;
    let mut out = take(subject, &*one, 9).await?;
    if out.len() < 2 {
        out.extend(take(subject, &*one, 9).await?);
    }
    let promise = "a later message of a key is not handed out while an earlier one is out";
    expect_eq(promise, ids(&out), vec![message(1, "a").id, lone(3).id])?;
    let two = join(&*broker, "shipping").await?;
    expect_eq(promise, ids(&take(subject, &*two, 9).await?), vec![])?;
    one.ack(out[0].tag).await?;
    drop(two);
    let next = take(subject, &*one, 9).await?;
    expect_eq("an acknowledgement lets the next message of the key go", ids(&next), vec![message(2, "a").id])?;
    Ok(CheckVerdict::Held)
}

/// A message that was given back with a delay still holds its key.
pub async fn a_key_waits_while_one_of_its_messages_is_to_come_back(subject: &dyn BrokerSubject) -> Outcome {
    let broker = subject.fresh().await;
    let member = join(&*broker, "shipping").await?;
    publish(&*broker, &[message(1, "a"), message(2, "a")]).await?;
    let out = take(subject, &*member, 9).await?;
    expect_eq("the first message of a key is handed out first", ids(&out), vec![message(1, "a").id])?;
    let delay = subject.visibility_timeout() * 2;
    member.nack(out[0].tag, delay).await?;
    let promise = "a later message of a key waits while an earlier one is to come back";
    expect_eq(promise, ids(&take(subject, &*member, 9).await?), vec![])?;
    subject.advance(delay).await;
    let both = message_ids(&[message(1, "a"), message(2, "a")]);
    expect_eq(promise, message_ids(&drain(subject, &*member).await?), both)?;
    Ok(CheckVerdict::Held)
}

/// Its member died with it: the key starts again where it was.
pub async fn a_message_that_timed_out_comes_before_the_later_ones_of_its_key(subject: &dyn BrokerSubject) -> Outcome {
    let broker = subject.fresh().await;
    let member = join(&*broker, "shipping").await?;
    let sent: Vec<Message> = NUMBERS.iter().map(|number| message(*number, "a")).collect();
    publish(&*broker, &sent).await?;
    let first = take(subject, &*member, 9).await?;
    expect("the first message of a key is handed out first", ids(&first) == [sent[0].id], || {
        format!("{:?}", ids(&first))
    })?;
    subject.advance(subject.visibility_timeout()).await;
    let delivered = message_ids(&drain(subject, &*member).await?);
    expect_eq("a message that timed out comes before the later ones of its key", delivered, message_ids(&sent))?;
    Ok(CheckVerdict::Held)
}

/// A slow group does not stop another one.
pub async fn a_group_does_not_wait_for_another_one(subject: &dyn BrokerSubject) -> Outcome {
    let broker = subject.fresh().await;
    let slow = join(&*broker, "shipping").await?;
    let fast = join(&*broker, "billing").await?;
    let sent = [message(1, "a"), message(2, "a")];
    publish(&*broker, &sent).await?;
    let out = take(subject, &*slow, 9).await?;
    expect_eq("the first message of a key is handed out first", ids(&out), vec![sent[0].id])?;
    let promise = "a message that is out in one group holds back no other group";
    expect_eq(promise, message_ids(&drain(subject, &*fast).await?), message_ids(&sent))?;
    Ok(CheckVerdict::Held)
}
