//! Atomicity and isolation of a transaction over everything that a store holds.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::{
    everything::{everything, prepare_stale, readable, seen, write_everything, write_stale},
    steps::ids,
};
use crate::{
    conformance::{
        BrokenPromise, CheckVerdict, Outcome, StoreSubject,
        outcome::{expect, expect_conflict, expect_eq},
        samples::{append, claim, entry, exists, lone, new_saga, operation_id},
    },
    ports::{Backlog, Expected, InboxInsert, OperationState, Part, Seen, Transaction},
};

/// A commit applies documents, operations, checkpoints, outbox, inbox and saga log together, as far as the store has them.
pub async fn a_transaction_is_applied_as_a_whole(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let mut tx = store.begin().await?;
    write_everything(subject, store.parts(), &mut *tx).await?;
    tx.commit().await?;
    let seen = seen(subject, &*store).await?;
    expect_eq("a commit applies every part of a transaction", seen, everything(store.parts()))?;
    Ok(CheckVerdict::Held)
}

/// Dropping a transaction aborts it: nothing stays, and nothing stays locked.
pub async fn a_dropped_transaction_leaves_nothing(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let mut tx = store.begin().await?;
    write_everything(subject, store.parts(), &mut *tx).await?;
    drop(tx);
    let seen = seen(subject, &*store).await?;
    expect_eq("dropping a transaction aborts it", seen, Vec::new())?;

    let mut tx = store.begin().await?;
    let again = match write_everything(subject, store.parts(), &mut *tx).await {
        Ok(()) => tx.commit().await,
        error => error,
    };
    expect("what an aborted transaction had taken is free again", again.is_ok(), || format!("{again:?}"))?;
    Ok(CheckVerdict::Held)
}

/// A transaction whose last write turns out to be stale applies nothing of the earlier ones, whichever part that one is to.
pub async fn a_transaction_that_fails_late_leaves_nothing(subject: &dyn StoreSubject) -> Outcome {
    for part in subject.fresh().await.parts().iter() {
        let store = subject.fresh().await;
        let mut tx = store.begin().await?;
        prepare_stale(part, subject, &mut *tx).await?;
        tx.commit().await?;

        let mut tx = store.begin().await?;
        write_everything(subject, store.parts(), &mut *tx).await?;
        let failed = match write_stale(part, subject, &mut *tx).await {
            Ok(()) => tx.commit().await,
            // After any error the only thing left to do is to drop the transaction.
            error => {
                drop(tx);
                error
            }
        };
        expect(&format!("a stale write fails ({part})"), failed.is_err(), || "no error".to_owned())?;
        let seen = seen(subject, &*store).await?;
        expect_eq(&format!("a transaction that failed leaves nothing ({part})"), seen, Vec::new())?;
    }
    Ok(CheckVerdict::Held)
}

/// Until it commits, nobody else sees any of a transaction.
pub async fn nothing_of_a_transaction_shows_before_its_commit(subject: &dyn StoreSubject) -> Outcome {
    if !subject.concurrent_writers() {
        return Ok(CheckVerdict::NotApplicable("the store has a single writer, so nobody can claim meanwhile"));
    }
    let store = subject.fresh().await;
    let mut tx = store.begin().await?;
    write_everything(subject, store.parts(), &mut *tx).await?;
    let promise = "what is not committed is not seen by others";
    expect_eq(promise, readable(subject, &*store).await?, Vec::new())?;
    expect_eq(promise, store.backlog().await?, Backlog::default())?;
    tx.commit().await?;
    Ok(CheckVerdict::Held)
}

/// Reads in a transaction show its own writes; its own unique keys are taken.
pub async fn a_transaction_sees_its_own_writes(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let mut tx = store.begin().await?;
    write_everything(subject, store.parts(), &mut *tx).await?;
    for part in store.parts().iter() {
        sees_its_own(part, subject, &mut *tx).await?;
    }
    tx.commit().await?;
    if store.parts().has(Part::Outbox) {
        let left = ids(&store.claim(&claim(1, 9, subject.unit())).await?);
        expect_eq("what is marked in the transaction that stages it is settled", left, vec![lone(3).id])?;
        let mut tx = store.begin().await?;
        tx.stage(&lone(4)).await?;
        expect_conflict("a message id is staged once, in one transaction too", tx.stage(&lone(4)).await)?;
    }
    Ok(CheckVerdict::Held)
}

async fn sees_its_own(part: Part, subject: &dyn StoreSubject, tx: &mut dyn Transaction) -> Result<(), BrokenPromise> {
    let promise = "a transaction sees its own writes";
    match part {
        Part::Documents => {
            expect_eq(promise, tx.get("orders", "17").await?.map(|document| document.version), Some(1))?;
            expect_eq(promise, tx.scan("orders", None, 9).await?.len(), 1)?;
            expect_eq(promise, tx.put("orders", "17", Expected::Version(1), Bytes::from_static(b"paid")).await?, 2)?;
            tx.delete("orders", "17", Expected::Version(2)).await?;
            expect_eq(promise, tx.get("orders", "17").await?, None)?;
            expect_eq(promise, tx.scan("orders", None, 9).await?.len(), 0)
        }
        Part::Outbox => {
            expect_eq(promise, tx.outbox_dispatched(&[lone(1).id]).await?, vec![true])?;
            expect_eq(promise, tx.outbox_bury(lone(1).id, "sent already").await?, false)?;
            Ok(tx.stage(&lone(3)).await?)
        }
        Part::Inbox => expect_eq(promise, tx.inbox_insert(&entry(1)).await?, InboxInsert::Duplicate(Seen::Row)),
        Part::Sagas => {
            expect_eq(promise, tx.saga_create(&new_saga(1, subject.unit())).await?, exists(1))?;
            Ok(tx.saga_append(&append(1, 1, 1, subject.unit())).await?)
        }
        Part::Operations => {
            let written = Some(OperationState::Executed("done".into()));
            expect_eq(promise, tx.operation(operation_id(1)).await?, written)
        }
        Part::Checkpoints => expect_eq(promise, tx.checkpoint("projection").await?, Some(42)),
        Part::Events => {
            expect_eq(promise, tx.read_stream("account", 0, 9).await?.len(), 1)?;
            expect_eq(promise, tx.stream_snapshot("account").await?.map(|snapshot| snapshot.version), Some(1))
        }
    }
}

/// Reads keep showing the store as it was when the transaction began to read it.
pub async fn a_transaction_keeps_seeing_the_store_as_it_began(subject: &dyn StoreSubject) -> Outcome {
    if !subject.concurrent_writers() {
        return Ok(CheckVerdict::NotApplicable(
            "the store has a single writer, which an open transaction keeps waiting",
        ));
    }
    let store = subject.fresh().await;
    let parts = store.parts();
    let (documents, checkpoints) = (parts.has(Part::Documents), parts.has(Part::Checkpoints));
    if !documents && !checkpoints {
        return Ok(CheckVerdict::NotApplicable(
            "the store has neither documents nor checkpoints, which could be read again",
        ));
    }
    let write = async |body: &'static [u8], position| {
        let mut tx = store.begin().await?;
        if documents {
            tx.put("orders", "17", Expected::Any, Bytes::from_static(body)).await?;
        }
        if checkpoints {
            tx.set_checkpoint("projection", position).await?;
        }
        tx.commit().await
    };
    write(b"pending", 1).await?;
    let promise = "a transaction sees the store as it was when it began";
    let mut reader = store.begin().await?;
    if documents {
        let before = reader.get("orders", "17").await?;
        write(b"paid", 2).await?;
        let mut tx = store.begin().await?;
        tx.put("orders", "18", Expected::Absent, Bytes::from_static(b"new")).await?;
        tx.delete("orders", "17", Expected::Any).await?;
        tx.commit().await?;
        expect_eq(promise, reader.get("orders", "17").await?, before.clone())?;
        let scanned = reader.scan("orders", None, 9).await?;
        expect_eq(promise, scanned.into_iter().map(|(_, document)| Some(document)).collect(), vec![before])?;
    }
    if checkpoints {
        // The first read may be what begins it, where no document was read.
        expect_eq(promise, reader.checkpoint("projection").await?, Some(1))?;
        write(b"shipped", 3).await?;
        expect_eq(promise, reader.checkpoint("projection").await?, Some(1))?;
    }
    Ok(CheckVerdict::Held)
}

/// Work that a transaction took for after its commit runs once it is committed, in the order in which it was taken; where
/// the transaction is dropped instead, so is its work.
pub async fn work_for_after_the_commit_runs_after_it_and_only_then(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let ran = Arc::new(Mutex::new(Vec::new()));
    let work = |number: u32| {
        let ran = ran.clone();
        Box::new(move || ran.lock().unwrap_or_else(PoisonError::into_inner).push(number))
    };
    let seen = || ran.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut tx = store.begin().await?;
    tx.after_commit(work(1));
    drop(tx);
    let mut tx = store.begin().await?;
    tx.after_commit(work(2));
    tx.after_commit(work(3));
    expect_eq("nothing runs before the commit, nor after a transaction that was dropped", seen(), Vec::new())?;
    tx.commit().await?;
    expect_eq("work for after the commit runs once it is done", seen(), vec![2, 3])?;
    Ok(CheckVerdict::Held)
}
