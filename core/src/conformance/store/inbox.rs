//! The inbox: deduplication, failures, dead letters.

use crate::{
    conformance::{
        CheckVerdict, Outcome, StoreSubject,
        outcome::{expect, expect_conflict, expect_eq},
        samples::{CONSUMER, entry, letters, received},
    },
    message::Message,
    ports::{DeadLetterRequest, InboxEntry, InboxInsert, Seen, Store, StoreError},
};

pub(super) const ROW: InboxInsert = InboxInsert::Duplicate(Seen::Row);

pub(super) async fn handle(store: &dyn Store, entry: &InboxEntry) -> Result<InboxInsert, StoreError> {
    let mut tx = store.begin().await?;
    let inserted = tx.inbox_insert(entry).await?;
    tx.commit().await?;
    Ok(inserted)
}

pub(super) async fn fail(store: &dyn Store, entry: &InboxEntry) -> Result<u32, StoreError> {
    let mut tx = store.begin().await?;
    let failures = tx.inbox_failed(entry, "it broke").await?;
    tx.commit().await?;
    Ok(failures)
}

pub(super) async fn bury(store: &dyn Store, message: &Message) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    tx.inbox_bury(&InboxEntry::for_message(CONSUMER, message), message, "poison").await?;
    tx.commit().await
}

/// The key is consumer and message: two consumers see a message once each.
pub async fn each_consumer_sees_a_message_once(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let other = InboxEntry { consumer: "billing".into(), ..entry(1) };
    let promise = "each consumer sees a message for the first time once";
    expect_eq(promise, handle(&*store, &entry(1)).await?, InboxInsert::First)?;
    expect_eq(promise, handle(&*store, &entry(1)).await?, ROW)?;
    expect_eq(promise, handle(&*store, &other).await?, InboxInsert::First)?;
    expect_eq(promise, handle(&*store, &entry(2)).await?, InboxInsert::First)?;
    Ok(CheckVerdict::Held)
}

/// A handler's rollback takes the row away and not the count of failures.
pub async fn failures_are_counted_apart_from_the_handler(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    for attempt in 1..=3 {
        let mut tx = store.begin().await?;
        let inserted = tx.inbox_insert(&entry(1)).await?;
        expect_eq("a message whose handler rolled back is handled anew", inserted, InboxInsert::First)?;
        drop(tx);
        expect_eq("each failure is counted", fail(&*store, &entry(1)).await?, attempt)?;
    }
    expect_eq("each message has its own count", fail(&*store, &entry(2)).await?, 1)?;
    let mut tx = store.begin().await?;
    tx.inbox_failed(&entry(1), "it broke").await?;
    drop(tx);
    expect_eq("a count that was rolled back does not count", fail(&*store, &entry(1)).await?, 4)?;
    Ok(CheckVerdict::Held)
}

/// Envelope, payload, reason and failures are kept, and a redelivery is a duplicate.
pub async fn a_buried_message_is_kept_whole_and_counts_as_seen(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let message = received(1, "key");
    fail(&*store, &entry(1)).await?;
    fail(&*store, &entry(1)).await?;
    let before = store.now().await?;
    bury(&*store, &message).await?;
    let after = store.now().await?;
    let found = store.dead_letters(&letters(9)).await?;
    expect_eq("a buried message is a dead letter", found.len(), 1)?;
    let letter = &found[0];
    expect_eq("a dead letter keeps the whole message", &letter.message, &message)?;
    let said = (letter.consumer.as_str(), letter.reason.as_str(), letter.failures);
    expect_eq("a dead letter says whose it is, why, and after how many failures", said, (CONSUMER, "poison", 2))?;
    let at = letter.failed_at;
    let dated = before <= at && at <= after;
    expect("a dead letter carries the moment by the store's clock", dated, || format!("{at}, buried at {before}"))?;
    expect_eq("a buried message counts as seen", handle(&*store, &entry(1)).await?, ROW)?;
    expect_eq(
        "a consumer has its own dead letters",
        store.dead_letters(&DeadLetterRequest::new("billing", 9)).await?.len(),
        0,
    )?;
    subject.advance(subject.unit()).await;
    bury(&*store, &received(2, "key")).await?;
    let oldest = store.dead_letters(&letters(1)).await?;
    let oldest = oldest.iter().map(|letter| letter.message.id).collect();
    expect_eq("dead letters are listed oldest first, up to a limit", oldest, vec![message.id])?;
    Ok(CheckVerdict::Held)
}

/// Burying loses against handling.
pub async fn what_was_handled_is_not_buried(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    handle(&*store, &entry(1)).await?;
    expect_conflict("a message that was handled is not buried", bury(&*store, &received(1, "key")).await)?;
    expect_eq("a burial that conflicts leaves no letter", store.dead_letters(&letters(9)).await?.len(), 0)?;
    Ok(CheckVerdict::Held)
}

/// Exhuming is undone by a rollback, and final with a commit.
pub async fn a_dead_letter_can_be_taken_out_once(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let exhume = async |commit: bool| {
        let mut tx = store.begin().await?;
        let there = tx.inbox_exhume(&entry(1)).await?;
        if commit {
            tx.commit().await?;
        }
        Ok::<bool, StoreError>(there)
    };
    expect_eq("where there is no dead letter, none is taken out", exhume(true).await?, false)?;
    bury(&*store, &received(1, "key")).await?;
    expect_eq("a dead letter can be taken out", exhume(false).await?, true)?;
    expect_eq("a rollback puts it back", store.dead_letters(&letters(9)).await?.len(), 1)?;
    expect_eq("a dead letter can be taken out", exhume(true).await?, true)?;
    expect_eq("a dead letter that was taken out is gone", store.dead_letters(&letters(9)).await?.len(), 0)?;
    expect_eq("a dead letter is taken out once", exhume(true).await?, false)?;
    let again = handle(&*store, &entry(1)).await?;
    expect_eq("a message that was taken out counts as handled", again, ROW)?;
    Ok(CheckVerdict::Held)
}
