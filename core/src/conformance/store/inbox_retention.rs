//! Upkeep of the inbox: what a purge takes, and the watermarks that it leaves.

use std::time::Duration;

use super::inbox::{ROW, bury, fail, handle};
use crate::{
    conformance::{
        CheckVerdict, Outcome, StoreSubject,
        outcome::expect_eq,
        samples::{CONSUMER, entry, letters, received, sweep},
    },
    ports::{InboxEntry, InboxInsert, InboxPurgeRequest, Seen},
};

const WATERMARK: InboxInsert = InboxInsert::Duplicate(Seen::Watermark);

/// A purge raises the watermark of source and key past what it deletes.
pub async fn a_purged_message_is_still_a_duplicate(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let age = subject.unit() * 10;
    for number in 1..=3 {
        handle(&*store, &entry(number)).await?;
    }
    let other_key = InboxEntry::for_message(CONSUMER, &received(2_001, "another key"));
    let old = InboxPurgeRequest::new(age, 2);
    expect_eq("rows that are not old enough stay", store.purge_inbox(CONSUMER, &old).await?, 0)?;
    subject.advance(age).await;
    expect_eq("a purge of another consumer takes nothing", store.purge_inbox("billing", &old).await?, 0)?;
    let purged = [
        store.purge_inbox(CONSUMER, &old).await?,
        store.purge_inbox(CONSUMER, &old).await?,
        store.purge_inbox(CONSUMER, &old).await?,
    ];
    expect_eq("a purge takes no more than its limit, and goes on next time", purged, [2, 1, 0])?;
    let promise = "a message at or below the watermark is a duplicate, and one above it is not";
    for number in 1..=3 {
        expect_eq(promise, handle(&*store, &entry(number)).await?, WATERMARK)?;
    }
    expect_eq(promise, handle(&*store, &entry(4)).await?, InboxInsert::First)?;
    let promise = "a watermark speaks for its consumer, source and key only";
    let below = InboxEntry { sequence: 1, ..other_key };
    let other_source =
        InboxEntry { source: "elsewhere".into(), ..InboxEntry::for_message(CONSUMER, &received(2_002, "key")) };
    let other_source = InboxEntry { sequence: 1, ..other_source };
    let other_consumer = InboxEntry { consumer: "billing".into(), ..entry(1) };
    for entry in [below, other_source, other_consumer] {
        expect_eq(promise, handle(&*store, &entry).await?, InboxInsert::First)?;
    }
    Ok(CheckVerdict::Held)
}

/// A watermark that nothing has raised for long enough goes, a few at a time; those that were raised meanwhile stay.
pub async fn a_watermark_that_nothing_raises_is_forgotten(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let age = subject.unit() * 10;
    let key = |name: &str, sequence| InboxEntry { key: name.into(), sequence, ..entry(sequence) };
    for (name, sequence) in [("a", 1), ("b", 2), ("c", 3)] {
        handle(&*store, &key(name, sequence)).await?;
    }
    subject.advance(subject.unit()).await;
    let rows = InboxPurgeRequest::new(Duration::ZERO, 9);
    expect_eq("a purge takes what is old enough", store.purge_inbox(CONSUMER, &rows).await?, 3)?;
    subject.advance(age).await;
    expect_eq("watermarks of which nothing is said stay", store.purge_inbox(CONSUMER, &rows).await?, 0)?;
    handle(&*store, &key("a", 4)).await?;
    subject.advance(subject.unit()).await;
    let both = InboxPurgeRequest::new(Duration::ZERO, 9).watermarks_older_than(age * 2);
    expect_eq("watermarks that are not old enough stay", store.purge_inbox(CONSUMER, &both).await?, 1)?;
    let both = InboxPurgeRequest::new(Duration::ZERO, 1).watermarks_older_than(age);
    expect_eq("a purge of another consumer takes no watermark", store.purge_inbox("billing", &both).await?, 0)?;
    let purged = [
        store.purge_inbox(CONSUMER, &both).await?,
        store.purge_inbox(CONSUMER, &both).await?,
        store.purge_inbox(CONSUMER, &both).await?,
    ];
    expect_eq("old watermarks go, no more than the limit at once", purged, [1, 1, 0])?;
    let late = |name: &str, sequence: u64| InboxEntry { sequence, ..key(name, 90 + sequence) };
    let promise = "a watermark that was raised meanwhile stays";
    expect_eq(promise, handle(&*store, &late("a", 4)).await?, WATERMARK)?;
    for (name, sequence) in [("b", 2), ("c", 3)] {
        let promise = "where a watermark is forgotten, nothing is taken for a duplicate by it";
        expect_eq(promise, handle(&*store, &late(name, sequence)).await?, InboxInsert::First)?;
    }
    Ok(CheckVerdict::Held)
}

/// A producer whose store was made anew or put back counts from where it was: its messages are new.
pub async fn a_watermark_speaks_for_one_epoch_of_its_source(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    for number in 1..=3 {
        handle(&*store, &entry(number)).await?;
    }
    subject.advance(subject.unit()).await;
    store.purge_inbox(CONSUMER, &sweep(99)).await?;
    let later = |number| InboxEntry { epoch: 8, ..InboxEntry { sequence: number, ..entry(1_000 + number) } };
    let promise = "a message of another epoch of its source is new, whatever its sequence";
    for number in 1..=3 {
        expect_eq(promise, handle(&*store, &later(number)).await?, InboxInsert::First)?;
    }
    subject.advance(subject.unit()).await;
    store.purge_inbox(CONSUMER, &sweep(99)).await?;
    let promise = "each epoch has a watermark of its own";
    expect_eq(promise, handle(&*store, &entry(3)).await?, WATERMARK)?;
    expect_eq(promise, handle(&*store, &later(3)).await?, WATERMARK)?;
    expect_eq(promise, handle(&*store, &later(4)).await?, InboxInsert::First)?;
    Ok(CheckVerdict::Held)
}

/// A message that has no place in its source's order raises no watermark over those that have one.
pub async fn a_message_without_a_place_raises_no_watermark(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let unplaced = InboxEntry::for_message(CONSUMER, &received(9, "key"));
    expect_eq("a message that has passed dead ones has no place", unplaced.sequence, 0)?;
    handle(&*store, &unplaced).await?;
    subject.advance(subject.unit()).await;
    store.purge_inbox(CONSUMER, &sweep(99)).await?;
    let promise = "a message that was passed by a later one is handled when it comes after all";
    expect_eq(promise, handle(&*store, &entry(1)).await?, InboxInsert::First)?;
    Ok(CheckVerdict::Held)
}

/// A failure that was counted says that the message was not handled, wherever the watermark stands: else it were lost.
pub async fn a_message_that_failed_is_not_taken_for_a_purged_one(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    fail(&*store, &entry(1)).await?;
    handle(&*store, &entry(2)).await?;
    subject.advance(subject.unit()).await;
    expect_eq("a purge takes handled messages only", store.purge_inbox(CONSUMER, &sweep(99)).await?, 1)?;
    let promise = "a message with a counted failure is handled for the first time, also below the watermark";
    expect_eq(promise, handle(&*store, &entry(1)).await?, InboxInsert::First)?;
    expect_eq("and once", handle(&*store, &entry(1)).await?, ROW)?;
    Ok(CheckVerdict::Held)
}

/// A failure that is counted before a message is looked at does not make one of it that was never handled.
pub async fn a_failure_of_a_purged_message_is_not_kept(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    handle(&*store, &entry(1)).await?;
    subject.advance(subject.unit()).await;
    expect_eq("a purge takes what was handled", store.purge_inbox(CONSUMER, &sweep(99)).await?, 1)?;
    for _ in 0..2 {
        let promise = "a failure of a message without a row below the watermark is the first, and is not kept";
        expect_eq(promise, fail(&*store, &entry(1)).await?, 1)?;
    }
    let promise = "a purged message is a duplicate also after a failure";
    expect_eq(promise, handle(&*store, &entry(1)).await?, WATERMARK)?;
    Ok(CheckVerdict::Held)
}

/// A purge deletes what was handled, never what was given up.
pub async fn dead_letters_survive_a_purge(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    handle(&*store, &entry(1)).await?;
    bury(&*store, &received(2, "key")).await?;
    handle(&*store, &entry(3)).await?;
    subject.advance(subject.unit()).await;
    expect_eq("a purge takes handled messages", store.purge_inbox(CONSUMER, &sweep(99)).await?, 2)?;
    let found = store.dead_letters(&letters(9)).await?.len();
    expect_eq("dead letters survive a purge", found, 1)?;
    let mut tx = store.begin().await?;
    expect_eq("and can be taken out after it", tx.inbox_exhume(&entry(2)).await?, true)?;
    Ok(CheckVerdict::Held)
}

/// A message that failed and never comes to an end leaves a count, which is as old as its last failure and goes by its age alone.
pub async fn a_count_of_failures_is_forgotten_long_after_the_last_one(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let age = subject.unit() * 10;
    for number in 1..=5 {
        fail(&*store, &entry(number)).await?;
    }
    handle(&*store, &entry(4)).await?;
    bury(&*store, &received(5, "key")).await?;
    subject.advance(age - subject.unit()).await;
    fail(&*store, &entry(3)).await?;
    subject.advance(subject.unit()).await;
    let rows = InboxPurgeRequest::new(age * 100, 1);
    expect_eq("counts of which nothing is said stay", store.purge_inbox(CONSUMER, &rows).await?, 0)?;
    let old = rows.failures_older_than(age);
    expect_eq("a purge of another consumer takes no count", store.purge_inbox("billing", &old).await?, 0)?;
    let purged = [
        store.purge_inbox(CONSUMER, &old).await?,
        store.purge_inbox(CONSUMER, &old).await?,
        store.purge_inbox(CONSUMER, &old).await?,
    ];
    let promise =
        "counts go that are old enough, no more than the limit at once, and no row of what was handled or buried";
    expect_eq(promise, purged, [1, 1, 0])?;
    expect_eq("a count is as old as its last failure", fail(&*store, &entry(3)).await?, 3)?;
    for number in [1, 2] {
        expect_eq(
            "a message whose count is forgotten fails for the first time",
            fail(&*store, &entry(number)).await?,
            1,
        )?;
    }
    expect_eq("what was handled stays handled", handle(&*store, &entry(4)).await?, ROW)?;
    expect_eq("what was buried stays buried", store.dead_letters(&letters(9)).await?.len(), 1)?;
    handle(&*store, &entry(1)).await?;
    expect_eq("a count that is forgotten raises no watermark", handle(&*store, &entry(2)).await?, InboxInsert::First)?;
    Ok(CheckVerdict::Held)
}

/// An event that a subscriber has failed at has no place in its source's order. Its count goes by age as well, and so does its row
/// once it is handled; neither raises a watermark, since the checkpoint says what was handled.
pub async fn a_count_of_failures_of_an_event_is_forgotten_as_well(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let age = subject.unit() * 10;
    let unplaced = |number| InboxEntry { sequence: 0, ..entry(number) };
    for number in 1..=3 {
        fail(&*store, &unplaced(number)).await?;
    }
    handle(&*store, &unplaced(3)).await?;
    subject.advance(age).await;
    fail(&*store, &unplaced(2)).await?;
    let rows = InboxPurgeRequest::new(age * 100, 9);
    expect_eq("counts of which nothing is said stay", store.purge_inbox(CONSUMER, &rows).await?, 0)?;
    let old = rows.failures_older_than(age);
    expect_eq("a count of an event goes by its age", store.purge_inbox(CONSUMER, &old).await?, 1)?;
    expect_eq("one that is younger stays", fail(&*store, &unplaced(2)).await?, 3)?;
    expect_eq("one that is forgotten begins anew", fail(&*store, &unplaced(1)).await?, 1)?;
    expect_eq("what was handled goes as well", store.purge_inbox(CONSUMER, &sweep(99)).await?, 1)?;
    expect_eq("and raises no watermark", handle(&*store, &entry(1)).await?, InboxInsert::First)?;
    Ok(CheckVerdict::Held)
}
