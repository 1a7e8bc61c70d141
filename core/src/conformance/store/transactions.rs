//! Atomicity and isolation of a transaction over everything that a store holds.

use bytes::Bytes;

use super::steps::ids;
use crate::{
    conformance::{
        BrokenPromise, Outcome, StoreSubject, Verdict,
        outcome::{expect, expect_conflict, expect_eq},
        samples::{
            CONSUMER, DEFINITION, append, claim, entry, lone, new_saga, operation_id, received, saga_id,
        },
    },
    ports::{
        Backlog, Expected, InboxInsert, OperationRecord, OperationState, SagaCreate, Store, StoreError, Transaction,
    },
};

/// Writes to every part of a store.
async fn write_everything(subject: &dyn StoreSubject, tx: &mut dyn Transaction) -> Result<(), StoreError> {
    let lease = subject.unit() * 10;
    tx.put("orders", "17", Expected::Absent, Bytes::from_static(b"pending")).await?;
    tx.put_operation(&OperationRecord { id: operation_id(1), state: OperationState::Executed("done".into()) }).await?;
    tx.set_checkpoint("projection", 42).await?;
    tx.stage(&lone(1)).await?;
    tx.inbox_insert(&entry(1)).await?;
    tx.inbox_bury(&entry(2), &received(2, "key"), "poison").await?;
    tx.saga_create(&new_saga(1, lease)).await?;
    tx.saga_append(&append(1, 1, 0, lease)).await
}

/// Names the parts of [`write_everything`] that a store holds.
async fn parts_seen(subject: &dyn StoreSubject, store: &dyn Store) -> Result<Vec<&'static str>, BrokenPromise> {
    let mut seen = Vec::new();
    let mut note = |part, there| if there { seen.push(part) };
    let mut tx = store.begin().await?;
    note("document", tx.get("orders", "17").await?.is_some());
    note("operation", tx.operation(operation_id(1)).await?.is_some());
    note("checkpoint", tx.checkpoint("projection").await?.is_some());
    note("inbox row", tx.inbox_insert(&entry(1)).await? == InboxInsert::Duplicate);
    drop(tx);
    note("dead letter", !store.dead_letters(CONSUMER, 9).await?.is_empty());
    note("saga", store.saga_by_key(DEFINITION, "order-1").await?.is_some());
    note("saga log", !store.saga_log(saga_id(1), 0, 9).await?.is_empty());
    note("outbox row", !store.claim(&claim(99, 9, subject.unit())).await?.is_empty());
    Ok(seen)
}

const EVERYTHING: [&str; 8] =
    ["document", "operation", "checkpoint", "inbox row", "dead letter", "saga", "saga log", "outbox row"];

/// A commit applies documents, operations, checkpoints, outbox, inbox and saga log together.
pub async fn a_transaction_is_applied_as_a_whole(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let mut tx = store.begin().await?;
    write_everything(subject, &mut *tx).await?;
    tx.commit().await?;
    let seen = parts_seen(subject, &*store).await?;
    expect_eq("a commit applies every part of a transaction", seen, EVERYTHING.to_vec())?;
    Ok(Verdict::Held)
}

/// Dropping a transaction aborts it: nothing stays, and nothing stays locked.
pub async fn a_dropped_transaction_leaves_nothing(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let mut tx = store.begin().await?;
    write_everything(subject, &mut *tx).await?;
    drop(tx);
    let seen = parts_seen(subject, &*store).await?;
    expect_eq("dropping a transaction aborts it", seen, Vec::new())?;

    let mut tx = store.begin().await?;
    let again = match write_everything(subject, &mut *tx).await {
        Ok(()) => tx.commit().await,
        error => error,
    };
    expect("what an aborted transaction had taken is free again", again.is_ok(), || format!("{again:?}"))?;
    Ok(Verdict::Held)
}

/// A transaction whose last write turns out to be stale applies nothing of the earlier ones.
pub async fn a_transaction_that_fails_late_leaves_nothing(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let mut tx = store.begin().await?;
    tx.saga_create(&new_saga(2, subject.unit())).await?;
    tx.commit().await?;

    let mut tx = store.begin().await?;
    write_everything(subject, &mut *tx).await?;
    let stale = append(2, 1, 7, subject.unit());
    let failed = match tx.saga_append(&stale).await {
        Ok(()) => tx.commit().await,
        // After any error the only thing left to do is to drop the transaction.
        error => {
            drop(tx);
            error
        }
    };
    expect_conflict("an append to a log of another length is a conflict", failed)?;
    let seen = parts_seen(subject, &*store).await?;
    expect_eq("a transaction that failed leaves nothing", seen, Vec::new())?;
    Ok(Verdict::Held)
}

/// Until it commits, nobody else sees any of a transaction.
pub async fn nothing_of_a_transaction_shows_before_its_commit(subject: &dyn StoreSubject) -> Outcome {
    if !subject.concurrent_writers() {
        return Ok(Verdict::NotApplicable("the store has a single writer, so nobody can claim meanwhile"));
    }
    let store = subject.fresh().await;
    let mut tx = store.begin().await?;
    write_everything(subject, &mut *tx).await?;
    let promise = "what is not committed is not seen by others";
    let mut other = store.begin().await?;
    expect_eq(promise, other.get("orders", "17").await?, None)?;
    expect_eq(promise, other.operation(operation_id(1)).await?, None)?;
    expect_eq(promise, other.checkpoint("projection").await?, None)?;
    drop(other);
    expect_eq(promise, store.claim(&claim(1, 9, subject.unit())).await?, Vec::new())?;
    expect_eq(promise, store.saga_by_key(DEFINITION, "order-1").await?, None)?;
    expect_eq(promise, store.dead_letters(CONSUMER, 9).await?, Vec::new())?;
    expect_eq(promise, store.backlog().await?, Backlog::default())?;
    tx.commit().await?;
    Ok(Verdict::Held)
}

/// Reads in a transaction show its own writes; its own unique keys are taken.
pub async fn a_transaction_sees_its_own_writes(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let mut tx = store.begin().await?;
    write_everything(subject, &mut *tx).await?;
    let promise = "a transaction sees its own writes";
    expect_eq(promise, tx.get("orders", "17").await?.map(|document| document.version), Some(1))?;
    expect_eq(promise, tx.scan("orders", None, 9).await?.len(), 1)?;
    expect_eq(promise, tx.operation(operation_id(1)).await?, Some(OperationState::Executed("done".into())))?;
    expect_eq(promise, tx.checkpoint("projection").await?, Some(42))?;
    expect_eq(promise, tx.outbox_dispatched(&[lone(1).id]).await?, vec![true])?;
    expect_eq(promise, tx.outbox_bury(lone(1).id, "sent already").await?, false)?;
    expect_eq(promise, tx.inbox_insert(&entry(1)).await?, InboxInsert::Duplicate)?;
    expect_eq(promise, tx.saga_create(&new_saga(1, subject.unit())).await?, SagaCreate::Exists(saga_id(1)))?;
    expect_eq(promise, tx.put("orders", "17", Expected::Version(1), Bytes::from_static(b"paid")).await?, 2)?;
    tx.delete("orders", "17", Expected::Version(2)).await?;
    expect_eq(promise, tx.get("orders", "17").await?, None)?;
    expect_eq(promise, tx.scan("orders", None, 9).await?.len(), 0)?;
    tx.saga_append(&append(1, 1, 1, subject.unit())).await?;
    tx.stage(&lone(3)).await?;
    tx.commit().await?;
    let left = ids(&store.claim(&claim(1, 9, subject.unit())).await?);
    expect_eq("what is marked in the transaction that stages it is settled", left, vec![lone(3).id])?;
    let mut tx = store.begin().await?;
    tx.stage(&lone(4)).await?;
    expect_conflict("a message id is staged once, in one transaction too", tx.stage(&lone(4)).await)?;
    Ok(Verdict::Held)
}

/// Reads keep showing the store as it was when the transaction began to read it.
pub async fn a_transaction_keeps_seeing_the_store_as_it_began(subject: &dyn StoreSubject) -> Outcome {
    if !subject.concurrent_writers() {
        return Ok(Verdict::NotApplicable("the store has a single writer, which an open transaction keeps waiting"));
    }
    let store = subject.fresh().await;
    let write = async |body: &'static [u8], position| {
        let mut tx = store.begin().await?;
        tx.put("orders", "17", Expected::Any, Bytes::from_static(body)).await?;
        tx.set_checkpoint("projection", position).await?;
        tx.commit().await
    };
    write(b"pending", 1).await?;
    let mut reader = store.begin().await?;
    let before = reader.get("orders", "17").await?;
    write(b"paid", 2).await?;
    let mut tx = store.begin().await?;
    tx.put("orders", "18", Expected::Absent, Bytes::from_static(b"new")).await?;
    tx.delete("orders", "17", Expected::Any).await?;
    tx.commit().await?;
    let promise = "a transaction sees the store as it was when it began";
    expect_eq(promise, reader.get("orders", "17").await?, before.clone())?;
    let scanned = reader.scan("orders", None, 9).await?;
    expect_eq(promise, scanned.into_iter().map(|(_, document)| Some(document)).collect(), vec![before])?;
    expect_eq(promise, reader.checkpoint("projection").await?, Some(1))?;
    Ok(Verdict::Held)
}
