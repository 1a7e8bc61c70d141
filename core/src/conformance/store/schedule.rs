//! Messages that are not to be published before a moment.

use super::steps::{ids, settle, stage};
use crate::{
    conformance::{
        BrokenPromise, CheckVerdict, Outcome, StoreSubject,
        outcome::{expect, expect_eq},
        samples::{claim, lone, message, tail},
    },
    message::{Message, Schedule},
    ports::{ClaimRequest, DeadRowRequest, OutboxOrder, SettleOutcome, Store, WhenDead},
};

/// A message that waits for a moment `units` from now, and expires long after it.
async fn scheduled(
    subject: &dyn StoreSubject,
    store: &dyn Store,
    sent: Message,
    units: u32,
) -> Result<Message, BrokenPromise> {
    let moment = store.now().await? + subject.unit() * units;
    let schedule = Schedule { not_before: Some(moment), expires: Some(moment + subject.unit() * 1_000) };
    Ok(Message { schedule, ..sent })
}

/// The ways to claim.
const WAYS: [(OutboxOrder, WhenDead); 3] = [
    (OutboxOrder::PerKey, WhenDead::BlockKey),
    (OutboxOrder::PerKey, WhenDead::SkipDead),
    (OutboxOrder::Unordered, WhenDead::BlockKey),
];

/// Not before; and then as it was staged.
pub async fn a_message_is_not_claimed_before_its_moment(subject: &dyn StoreSubject) -> Outcome {
    for (ordering, when_dead) in WAYS {
        let store = subject.fresh().await;
        let sent = scheduled(subject, &*store, message(1, "a"), 10).await?;
        stage(&*store, std::slice::from_ref(&sent)).await?;
        let request = |number| ClaimRequest { ordering, when_dead, ..claim(number, 9, subject.unit() * 100) };
        let promise = "a message is not claimed before its moment";
        expect_eq(promise, ids(&store.claim(&request(1)).await?), vec![])?;
        let next = store.next_available().await?;
        expect_eq("the moment of a message is known", next, sent.schedule.not_before)?;
        subject.advance(subject.unit() * 5).await;
        expect_eq(promise, ids(&store.claim(&request(2)).await?), vec![])?;
        subject.advance(subject.unit() * 6).await;
        let mut rows = store.claim(&request(3)).await?;
        expect_eq("a message is claimed once its moment has come", ids(&rows), vec![sent.id])?;
        let told = rows.swap_remove(0).message;
        let told = Message { sequence: 0, epoch: 0, ..told };
        expect_eq("a row carries its message unchanged", told, sent)?;
    }
    Ok(CheckVerdict::Held)
}

/// The same for who reads the log.
pub async fn a_message_is_not_in_the_log_before_its_moment(subject: &dyn StoreSubject) -> Outcome {
    for (ordering, when_dead) in WAYS {
        let store = subject.fresh().await;
        let sent = scheduled(subject, &*store, message(1, "a"), 10).await?;
        stage(&*store, &[sent.clone(), lone(2)]).await?;
        let request = crate::ports::TailRequest { ordering, when_dead, ..tail(9) };
        let promise = "a message is not shown by the log before its moment";
        expect_eq(promise, ids(&store.tail(&request).await?), vec![lone(2).id])?;
        subject.advance(subject.unit() * 11).await;
        let rows = store.tail(&request).await?;
        expect_eq("a message is shown by the log once its moment has come", ids(&rows), vec![sent.id, lone(2).id])?;
        let told = Message { sequence: 0, epoch: 0, ..rows[0].message.clone() };
        expect_eq("a row carries its message unchanged", told, sent)?;
    }
    Ok(CheckVerdict::Held)
}

/// Neither its key's later messages wait for it, nor it for its key's earlier ones.
pub async fn a_message_with_a_moment_has_no_place_in_the_order_of_its_key(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 100;
    let sent = scheduled(subject, &*store, message(2, "a"), 5).await?;
    stage(&*store, &[message(1, "a"), sent.clone(), message(3, "a")]).await?;
    let first = store.claim(&claim(1, 9, lease)).await?;
    expect_eq("rows of a key go one at a time", ids(&first), vec![message(1, "a").id])?;
    subject.advance(subject.unit() * 6).await;
    let due = store.claim(&claim(2, 9, lease)).await?;
    let promise = "a message with a moment waits for no other of its key";
    expect_eq(promise, ids(&due), vec![sent.id])?;
    expect_eq(promise, due[0].message.partition_key.as_str(), "a")?;
    settle(&*store, 1, &first, SettleOutcome::Dispatched).await?;
    let third = store.claim(&claim(3, 9, lease)).await?;
    expect_eq("no other message waits for one with a moment", ids(&third), vec![message(3, "a").id])?;
    // Given up, it is in nobody's way, either.
    settle(&*store, 2, &due, SettleOutcome::Dead { reason: "refused".into() }).await?;
    settle(&*store, 3, &third, SettleOutcome::Dispatched).await?;
    stage(&*store, &[message(4, "a")]).await?;
    let fourth = store.claim(&claim(4, 9, lease)).await?;
    let goes_on = ids(&fourth) == [message(4, "a").id];
    expect("a dead message that had a moment blocks no key", goes_on, || format!("{:?}", ids(&fourth)))?;
    let dead = store.dead_rows(&DeadRowRequest::new(9)).await?;
    expect_eq("dead rows are shown as they were staged", dead.len(), 1)?;
    let of_key = DeadRowRequest { key: Some("a".into()), ..DeadRowRequest::new(9) };
    let found = store.dead_rows(&of_key).await?.len();
    expect_eq("dead rows are found by the key that they are published with", found, 1)?;
    let told = Message { sequence: 0, epoch: 0, ..dead[0].row.message.clone() };
    expect_eq("dead rows are shown as they were staged", told, sent)?;
    Ok(CheckVerdict::Held)
}
