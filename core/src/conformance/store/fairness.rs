//! Fairness of claims: rows and topics that fail put no others off.

use std::{collections::BTreeSet, time::Duration};

use super::steps::{ids, message_ids, settle, stage};
use crate::{
    conformance::{
        CheckVerdict, Outcome, StoreSubject,
        outcome::{expect, expect_eq},
        samples::{TOPIC, claim, lone},
    },
    ids::MessageId,
    message::Message,
    ports::{ClaimRequest, OutboxOrder, SettleOutcome, WhenDead},
};

/// A message of a topic and a key of its own.
fn of_topic(number: u64, topic: &str) -> Message {
    Message { topic: topic.into(), ..lone(number) }
}

/// Rows that fail each time and are due again at once do not come before all others.
pub async fn rows_that_fail_each_time_starve_no_others(subject: &dyn StoreSubject) -> Outcome {
    let lease = subject.unit() * 100;
    for (limit, delay) in [(2, Duration::ZERO), (1, Duration::ZERO), (2, subject.unit())] {
        let store = subject.fresh().await;
        stage(&*store, &[lone(1), lone(2), lone(3), lone(4), lone(5)]).await?;
        let mut missing: BTreeSet<MessageId> = [lone(3).id, lone(4).id, lone(5).id].into();
        // Sixteen times as many claims as rows: where each is chance, no row is left out of all of them.
        for number in 1..=80 {
            let rows = store.claim(&claim(number, limit, lease)).await?;
            for row in &rows {
                missing.remove(&row.message.id);
            }
            settle(&*store, number, &rows, SettleOutcome::Retry { delay, error: "timeout".into() }).await?;
            subject.advance(delay).await;
        }
        let promise = "rows that fail each time and are due again starve no others";
        expect_eq(promise, missing, BTreeSet::new())?;
    }
    Ok(CheckVerdict::Held)
}

/// A topic that is left alone is claimed by nobody who leaves it alone, whatever the order.
pub async fn a_topic_that_is_left_alone_is_not_claimed(subject: &dyn StoreSubject) -> Outcome {
    let lease = subject.unit() * 5;
    for (ordering, when_dead) in [
        (OutboxOrder::PerKey, WhenDead::BlockKey),
        (OutboxOrder::PerKey, WhenDead::SkipDead),
        (OutboxOrder::Unordered, WhenDead::BlockKey),
    ] {
        let store = subject.fresh().await;
        stage(&*store, &[of_topic(1, "stock"), lone(2), of_topic(3, "mail"), of_topic(4, "stock")]).await?;
        let request = |number, topics: &[&str]| ClaimRequest {
            ordering,
            when_dead,
            except_topics: topics.iter().map(|topic| (*topic).into()).collect(),
            ..claim(number, 9, lease)
        };
        let rows = store.claim(&request(1, &["stock", "nobody's"])).await?;
        let promise = "a claim leaves out the topics that it is to leave alone, and no others";
        expect_eq(promise, ids(&rows), vec![lone(2).id, lone(3).id])?;
        expect_eq(promise, ids(&store.claim(&request(2, &[TOPIC])).await?), vec![lone(1).id, lone(4).id])?;
    }
    Ok(CheckVerdict::Held)
}

/// A topic with a long queue does not put the others off.
pub async fn a_long_queue_of_one_topic_starves_no_other(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    let queue: Vec<Message> = (1..=20).map(lone).collect();
    let others = [of_topic(21, "stock"), of_topic(22, "mail")];
    stage(&*store, &queue).await?;
    stage(&*store, &others).await?;
    let first = ids(&store.claim(&claim(1, 6, lease)).await?);
    expect_eq("a claim takes as many rows as it may", first.len(), 6)?;
    let promise = "a topic with a long queue does not put the others off";
    expect(promise, message_ids(&others).iter().all(|id| first.contains(id)), || format!("{first:?}"))?;
    Ok(CheckVerdict::Held)
}
