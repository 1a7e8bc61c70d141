//! Dispatched rows that go out once more.

use super::steps::{drain, settle, stage};
use crate::{
    conformance::{
        CheckVerdict, Outcome, StoreSubject,
        outcome::{expect, expect_eq},
        samples::{claim, lone, message, purge},
    },
    message::Message,
    ports::{RepublishRequest, SettleOutcome, Timestamp},
};

/// The same events, before what of their keys was staged since, with no attempt spent.
pub async fn a_row_that_is_published_again_keeps_its_event_id_and_its_place(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    let row = |number| message(number, if number == 4 { "b" } else { "a" });
    stage(&*store, &[1, 2, 4].map(row)).await?;
    let ids = |numbers: &[u64]| numbers.iter().map(|number| row(*number).id).collect::<Vec<_>>();
    let first = store.claim(&claim(1, 9, lease)).await?;
    settle(&*store, 1, &first, SettleOutcome::Dispatched).await?;
    drain(&*store, lease).await?;
    stage(&*store, &[3].map(row)).await?;
    // A later row of the key is out meanwhile.
    let out = store.claim(&claim(2, 9, lease)).await?;
    expect_eq("a row is claimed once those before it are dispatched", out.len(), 1)?;
    subject.advance(subject.unit()).await;
    let all = RepublishRequest::new(Timestamp::EPOCH, store.now().await?, 9);
    let mut republished = store.republish(&all).await?;
    republished.sort();
    let promise = "what was dispatched is pending again";
    expect_eq(promise, &republished, &ids(&[1, 2, 4]))?;
    expect_eq(promise, store.backlog().await?.outbox_unsettled, 4)?;
    expect_eq("what is pending already is not counted again", store.republish(&all).await?, Vec::new())?;
    let others = store.claim(&claim(3, 9, lease)).await?;
    let claimed: Vec<_> = others.iter().map(|row| (row.message.id, row.attempts)).collect();
    expect_eq(
        "a row that is published again waits for a later one of its key that is out",
        claimed,
        vec![(row(4).id, 1)],
    )?;
    expect_eq("it keeps its message and sequence", &others[0].message, &first[1].message)?;
    settle(&*store, 3, &others, SettleOutcome::Dispatched).await?;
    settle(&*store, 2, &out, SettleOutcome::Release { delay: std::time::Duration::ZERO }).await?;
    let again = drain(&*store, lease).await?;
    expect_eq("a key goes out in commit order once more", again, ids(&[1, 2, 3]))?;
    Ok(CheckVerdict::Held)
}

/// A span of time, a topic and a limit bound it; what is pending, dead or purged is left alone.
pub async fn only_what_was_dispatched_in_a_span_is_published_again(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    let mut moments = Vec::new();
    for number in 1..=6 {
        moments.push(store.now().await?);
        let plain = lone(number);
        let staged = if number == 4 { Message { topic: "mails".into(), ..plain } } else { plain };
        stage(&*store, &[staged]).await?;
        let rows = store.claim(&claim(u128::from(number), 9, lease)).await?;
        let outcome = if number == 6 { SettleOutcome::Dead { reason: "no".into() } } else { SettleOutcome::Dispatched };
        settle(&*store, u128::from(number), &rows, outcome).await?;
        subject.advance(subject.unit()).await;
    }
    moments.push(store.now().await?);
    stage(&*store, &[lone(7)]).await?;
    subject.advance(subject.unit()).await;
    let span = |since: usize, until: usize, limit| RepublishRequest::new(moments[since], moments[until], limit);
    let cases = [
        ("an empty span", span(2, 2, 9), vec![]),
        ("a span that ends before it begins", span(3, 1, 9), vec![]),
        ("a topic", span(0, 6, 9).of_topic("mails"), vec![4]),
        ("from its first moment up to its last", span(1, 3, 9), vec![2, 3]),
        ("no more than the limit, those that went first", span(0, 6, 1), vec![1]),
        ("what is left", span(0, 6, 9), vec![5]),
    ];
    for (asked, request, expected) in cases {
        let promise = format!("what is asked for is published again: {asked}");
        let republished = store.republish(&request).await?;
        expect_eq(&promise, republished, expected.iter().map(|number| lone(*number).id).collect())?;
    }
    expect_eq("a row that is pending again is not purged", store.purge_dispatched(&purge(9)).await?, Vec::new())?;
    drain(&*store, lease).await?;
    expect_eq("a dead row stays dead", store.backlog().await?.outbox_dead, 1)?;
    let now = store.now().await?;
    expect_eq("what went out again lies behind the span", store.republish(&span(0, 6, 9)).await?, Vec::new())?;
    subject.advance(subject.unit()).await;
    let all = RepublishRequest::new(Timestamp::EPOCH, store.now().await?, 99);
    let found = store.republish(&all).await?.len();
    expect("it can be published again, and again", found == 6, || format!("{found} rows until {now}"))?;
    drain(&*store, lease).await?;
    expect_eq("and is purged in the end", store.purge_dispatched(&purge(99)).await?.len(), 6)?;
    subject.advance(subject.unit()).await;
    let all = RepublishRequest::new(Timestamp::EPOCH, store.now().await?, 99);
    expect_eq("what is purged is gone", store.republish(&all).await?, Vec::new())?;
    Ok(CheckVerdict::Held)
}
