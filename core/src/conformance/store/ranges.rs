//! Documents under a condition, and many at once: ranges of ids.

use bytes::Bytes;

use super::steps::SINGLE_WRITER;
use crate::{
    conformance::{
        CheckVerdict, Outcome, StoreSubject,
        outcome::{expect_conflict, expect_eq},
    },
    ports::{Expected, IdRange, Store, StoreError, Transaction},
};

const LINES: &str = "lines";

fn body(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

async fn put(store: &dyn Store, ids: &[&str]) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    for id in ids {
        tx.put(LINES, id, Expected::Any, body(id)).await?;
    }
    tx.commit().await
}

/// The ids of a collection.
async fn ids(tx: &mut dyn Transaction) -> Result<Vec<String>, StoreError> {
    Ok(tx.scan(LINES, None, 99).await?.into_iter().map(|(id, _)| id.to_string()).collect())
}

/// A condition that does not hold writes nothing, and the transaction goes on.
pub async fn a_write_under_a_condition_is_made_only_where_it_holds(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let mut tx = store.begin().await?;
    let promise = "a write under a condition says the new version, or that the condition does not hold";
    for (expected, version) in [
        (Expected::Version(1), None),
        (Expected::Absent, Some(1)),
        (Expected::Absent, None),
        (Expected::Version(2), None),
        (Expected::Version(1), Some(2)),
        (Expected::Any, Some(3)),
    ] {
        let text = format!("{expected:?}");
        expect_eq(promise, tx.put_if(LINES, "1", expected, body(&text)).await?, version)?;
    }
    tx.commit().await?;
    let mut tx = store.begin().await?;
    expect_eq(promise, tx.put_if(LINES, "1", Expected::Absent, body("late")).await?, None)?;
    tx.put(LINES, "2", Expected::Absent, body("beside")).await?;
    tx.commit().await?;
    let mut tx = store.begin().await?;
    let found = tx.get(LINES, "1").await?.map(|document| (document.version, document.body));
    expect_eq("a condition that does not hold writes nothing", found, Some((3, body("Any"))))?;
    let beside = tx.get(LINES, "2").await?.is_some();
    expect_eq("a transaction goes on after a condition that does not hold", beside, true)?;
    Ok(CheckVerdict::Held)
}

/// The condition may hold in the snapshot: what is there now is another thing.
pub async fn an_overtaken_write_under_a_condition_conflicts(subject: &dyn StoreSubject) -> Outcome {
    if !subject.concurrent_writers() {
        return Ok(CheckVerdict::NotApplicable(SINGLE_WRITER));
    }
    let store = subject.fresh().await;
    for expected in [Expected::Absent, Expected::Version(1), Expected::Any] {
        let mut slow = store.begin().await?;
        slow.get(LINES, "1").await?;
        put(&*store, &["1"]).await?;
        let overtaken = match slow.put_if(LINES, "1", expected, body("slow")).await {
            Ok(_) => slow.commit().await,
            Err(error) => Err(error),
        };
        expect_conflict("a write under a condition that another transaction has overtaken is a conflict", overtaken)?;
    }
    Ok(CheckVerdict::Held)
}

/// From the first id on, up to the one that ends the range, with the transaction's own writes.
pub async fn a_range_of_ids_is_read_in_order_and_no_further(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    put(&*store, &["17/2", "17/10", "170/1", "17", "18/1", "17/ä", "16/9"]).await?;
    let mut tx = store.begin().await?;
    tx.put("other", "17/0", Expected::Absent, body("elsewhere")).await?;
    tx.put(LINES, "17/3", Expected::Absent, body("own")).await?;
    tx.delete(LINES, "17/2", Expected::Any).await?;
    let promise = "a scan returns the documents of a range in the order of their ids, and no others";
    for (range, limit, expected) in [
        (IdRange::prefix("17/"), 99, vec!["17/10", "17/3", "17/ä"]),
        (IdRange::prefix("17/"), 2, vec!["17/10", "17/3"]),
        (IdRange::prefix("17/").after("17/3"), 99, vec!["17/ä"]),
        (IdRange::prefix("17/").after("17/ä"), 99, vec![]),
        (IdRange::prefix("19"), 99, vec![]),
        (IdRange::between("17", "17/3"), 99, vec!["17", "17/10"]),
        (IdRange::between("18", "17"), 99, vec![]),
        (IdRange::all().after("17/ä"), 99, vec!["170/1", "18/1"]),
    ] {
        let found = tx.scan_range(LINES, &range, limit).await?;
        expect_eq(promise, found.iter().map(|(id, _)| id.as_str()).collect(), expected)?;
    }
    let found = tx.scan_range(LINES, &IdRange::prefix("17/1"), 1).await?;
    expect_eq("a scan returns whole documents", found[0].1.body.as_ref(), b"17/10".as_slice())?;
    Ok(CheckVerdict::Held)
}

/// The first ones of a range go, all of them named; what lies outside it stays.
pub async fn a_range_of_ids_is_deleted_up_to_its_limit(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    put(&*store, &["16", "17/1", "17/2", "17/3", "170", "18"]).await?;
    let lines = IdRange::prefix("17/");
    let promise = "a delete of a range takes the first documents of it up to its limit, and names them";
    let mut tx = store.begin().await?;
    tx.put("other", "17/1", Expected::Absent, body("elsewhere")).await?;
    tx.put(LINES, "17/0", Expected::Absent, body("own")).await?;
    for (limit, deleted) in [(2, vec!["17/0", "17/1"]), (9, vec!["17/2", "17/3"]), (9, vec![])] {
        let found = tx.delete_range(LINES, &lines, limit).await?;
        expect_eq(promise, found.iter().map(|id| id.as_str()).collect(), deleted)?;
    }
    let own = ids(&mut *tx).await?;
    expect_eq("a transaction sees what it has deleted", own, ["16", "170", "18"].map(str::to_owned).into())?;
    tx.commit().await?;
    let mut tx = store.begin().await?;
    let left = ids(&mut *tx).await?;
    expect_eq("a delete of a range takes nothing else", left, ["16", "170", "18"].map(str::to_owned).into())?;
    expect_eq("a range lies in its collection", tx.get("other", "17/1").await?.is_some(), true)?;
    Ok(CheckVerdict::Held)
}

/// It is a delete of each of them.
pub async fn an_overtaken_delete_of_a_range_conflicts(subject: &dyn StoreSubject) -> Outcome {
    if !subject.concurrent_writers() {
        return Ok(CheckVerdict::NotApplicable(SINGLE_WRITER));
    }
    let store = subject.fresh().await;
    put(&*store, &["1", "2"]).await?;
    let mut slow = store.begin().await?;
    slow.get(LINES, "2").await?;
    put(&*store, &["2"]).await?;
    let overtaken = match slow.delete_range(LINES, &IdRange::all(), 9).await {
        Ok(_) => slow.commit().await,
        Err(error) => Err(error),
    };
    expect_conflict("a delete of a range in which another transaction wrote meanwhile is a conflict", overtaken)?;
    Ok(CheckVerdict::Held)
}
