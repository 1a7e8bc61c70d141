//! Versioned documents: first committer wins.

use bytes::Bytes;

use super::steps::{SINGLE_WRITER, count, increment};
use crate::{
    conformance::{
        CheckVerdict, Outcome, StoreSubject,
        outcome::{expect, expect_conflict, expect_eq},
        poll::{persist, race, step},
    },
    ports::{Document, Expected, Store, StoreError},
};

const BODY: Bytes = Bytes::from_static(b"{\"state\":\"pending\"}");

async fn put(store: &dyn Store, id: &str, expected: Expected, body: Bytes) -> Result<u64, StoreError> {
    let mut tx = store.begin().await?;
    let version = tx.put("orders", id, expected, body).await?;
    tx.commit().await?;
    Ok(version)
}

async fn delete(store: &dyn Store, id: &str, expected: Expected) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    tx.delete("orders", id, expected).await?;
    tx.commit().await
}

/// Versions are 1, 2, 3, and the body is what was written.
pub async fn a_document_counts_its_writes(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let promise = "a document's version is 1 after the first write and one more after each later one";
    expect_eq(promise, put(&*store, "17", Expected::Absent, BODY).await?, 1)?;
    expect_eq(promise, put(&*store, "17", Expected::Version(1), BODY).await?, 2)?;
    expect_eq(promise, put(&*store, "17", Expected::Any, Bytes::from_static(b"\x00\xff")).await?, 3)?;
    let mut tx = store.begin().await?;
    let found = tx.get("orders", "17").await?;
    let expected = Document { version: 3, body: Bytes::from_static(b"\x00\xff") };
    expect_eq("a document is read as it was written", found, Some(expected))?;
    expect_eq("a document lives in its collection", tx.get("customers", "17").await?, None)?;
    Ok(CheckVerdict::Held)
}

/// `Absent` and `Version` are conditions.
pub async fn a_write_that_expects_something_else_conflicts(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    put(&*store, "17", Expected::Absent, BODY).await?;
    let promise = "a write whose expectation does not hold is a conflict";
    expect_conflict(promise, put(&*store, "17", Expected::Absent, BODY).await)?;
    expect_conflict(promise, put(&*store, "17", Expected::Version(2), BODY).await)?;
    expect_conflict(promise, put(&*store, "18", Expected::Version(1), BODY).await)?;
    expect_conflict(promise, delete(&*store, "17", Expected::Version(2)).await)?;
    expect_conflict(promise, delete(&*store, "18", Expected::Version(1)).await)?;
    let mut tx = store.begin().await?;
    let found = tx.get("orders", "17").await?.map(|document| document.version);
    expect_eq("a write that conflicts changes nothing", found, Some(1))?;
    Ok(CheckVerdict::Held)
}

/// A lost update is impossible, whatever the second writer expects.
pub async fn of_two_overlapping_writes_of_a_document_one_conflicts(subject: &dyn StoreSubject) -> Outcome {
    if !subject.concurrent_writers() {
        return Ok(CheckVerdict::NotApplicable(SINGLE_WRITER));
    }
    let store = subject.fresh().await;
    let promise = "a write that another transaction has overtaken is a conflict";
    for (id, exists) in [("new", false), ("old", true)] {
        if exists {
            put(&*store, id, Expected::Absent, BODY).await?;
        }
        // The other transaction commits before the write.
        let mut slow = store.begin().await?;
        slow.get("orders", id).await?;
        put(&*store, id, Expected::Any, BODY).await?;
        let overtaken = match slow.put("orders", id, Expected::Any, BODY).await {
            Ok(_) => slow.commit().await,
            Err(error) => Err(error),
        };
        expect_conflict(promise, overtaken)?;
    }
    // The other transaction commits between the write and its commit.
    let mut slow = store.begin().await?;
    slow.get("orders", "old").await?;
    slow.put("orders", "old", Expected::Any, BODY).await?;
    let mut fast = Box::pin(put(&*store, "old", Expected::Any, BODY));
    let first = crate::conformance::poll::settled(&mut fast).await;
    let second = slow.commit().await;
    let first = match first {
        Some(first) => first,
        // A store that locks what it writes makes the other one wait, and then lose.
        None => fast.await,
    };
    expect("of two overlapping writes exactly one commits", first.is_ok() != second.is_ok(), || {
        format!("{first:?} and {second:?}")
    })?;
    Ok(CheckVerdict::Held)
}

/// A delete is a write like another.
pub async fn an_overtaken_delete_conflicts(subject: &dyn StoreSubject) -> Outcome {
    if !subject.concurrent_writers() {
        return Ok(CheckVerdict::NotApplicable(SINGLE_WRITER));
    }
    let store = subject.fresh().await;
    put(&*store, "17", Expected::Absent, BODY).await?;
    let promise = "a write that a delete has overtaken, and a delete that a write has overtaken, are conflicts";
    let mut slow = store.begin().await?;
    slow.get("orders", "17").await?;
    put(&*store, "17", Expected::Any, BODY).await?;
    let overtaken = match slow.delete("orders", "17", Expected::Any).await {
        Ok(()) => slow.commit().await,
        error => error,
    };
    expect_conflict(promise, overtaken)?;
    let mut slow = store.begin().await?;
    slow.get("orders", "17").await?;
    delete(&*store, "17", Expected::Any).await?;
    let overtaken = match slow.put("orders", "17", Expected::Any, BODY).await {
        Ok(_) => slow.commit().await,
        Err(error) => Err(error),
    };
    expect_conflict(promise, overtaken)?;
    Ok(CheckVerdict::Held)
}

/// Eight writers read, add one and write, and try again after a conflict: the sum is right.
pub async fn racing_increments_lose_none(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let done = race(8, async |_| {
        persist(async || {
            let mut tx = store.begin().await?;
            step().await;
            increment(&mut *tx).await?;
            step().await;
            tx.commit().await
        })
        .await
    });
    for done in done.await {
        done?;
    }
    expect_eq("no update is lost", count(&*store).await?, 8)?;
    Ok(CheckVerdict::Held)
}

/// A delete takes a document away; deleting what is not there does nothing.
pub async fn a_deleted_document_is_gone(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    put(&*store, "17", Expected::Absent, BODY).await?;
    delete(&*store, "17", Expected::Version(1)).await?;
    delete(&*store, "17", Expected::Any).await?;
    let mut tx = store.begin().await?;
    expect_eq("a deleted document is gone", tx.get("orders", "17").await?, None)?;
    expect_eq("a deleted document is gone", tx.scan("orders", None, 9).await?.len(), 0)?;
    drop(tx);
    let again = put(&*store, "17", Expected::Absent, BODY).await;
    expect("a deleted document is absent for the next writer", again.is_ok(), || format!("{again:?}"))?;
    Ok(CheckVerdict::Held)
}

/// Ids in ascending order of their bytes, after a given one, up to a limit, with the transaction's own writes.
pub async fn a_collection_is_read_in_the_order_of_its_ids(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    for id in ["b", "a", "C", "ä", "10", "9"] {
        put(&*store, id, Expected::Absent, Bytes::copy_from_slice(id.as_bytes())).await?;
    }
    let mut tx = store.begin().await?;
    tx.put("customers", "a", Expected::Absent, BODY).await?;
    tx.put("orders", "aa", Expected::Absent, BODY).await?;
    tx.delete("orders", "C", Expected::Any).await?;
    let promise = "a scan returns the documents of a collection in the order of their ids, after the given one";
    for (after, limit, expected) in [
        (None, 99, vec!["10", "9", "a", "aa", "b", "ä"]),
        (None, 2, vec!["10", "9"]),
        (Some("9"), 2, vec!["a", "aa"]),
        (Some("C"), 1, vec!["a"]),
        (Some("b"), 99, vec!["ä"]),
        (Some("ä"), 99, vec![]),
    ] {
        let found = tx.scan("orders", after, limit).await?;
        expect_eq(promise, found.iter().map(|(id, _)| id.as_str()).collect(), expected)?;
    }
    let found = tx.scan("orders", Some("aa"), 1).await?;
    expect_eq("a scan returns whole documents", found[0].1.body.as_ref(), b"b".as_slice())?;
    Ok(CheckVerdict::Held)
}
