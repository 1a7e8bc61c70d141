//! Operations of a participant, written together with their effect.

use bytes::Bytes;

use super::steps::{SINGLE_WRITER, count, increment};
use crate::{
    conformance::{
        CheckVerdict, Outcome, StoreSubject,
        outcome::{expect, expect_conflict, expect_eq},
        poll::{persist, race, step},
        samples::operation_id,
    },
    ports::{OperationRecord, OperationState, PurgeRequest, Store, StoreError},
};

fn executed(answer: &'static [u8]) -> OperationState {
    OperationState::Executed(Bytes::from_static(answer))
}

async fn write(store: &dyn Store, number: u128, state: OperationState) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    tx.put_operation(&OperationRecord { id: operation_id(number), state }).await?;
    tx.commit().await
}

async fn read(store: &dyn Store, number: u128) -> Result<Option<OperationState>, StoreError> {
    store.begin().await?.operation(operation_id(number)).await
}

/// Absent, executed with its answer, compensated.
pub async fn an_operation_is_executed_and_then_compensated(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    expect_eq("an operation that nobody wrote is not there", read(&*store, 1).await?, None)?;
    write(&*store, 1, executed(b"charge 9")).await?;
    expect_eq("an executed operation keeps its answer", read(&*store, 1).await?, Some(executed(b"charge 9")))?;
    write(&*store, 1, OperationState::Compensated).await?;
    expect_eq("an executed operation can be compensated", read(&*store, 1).await?, Some(OperationState::Compensated))?;
    Ok(CheckVerdict::Held)
}

/// A tombstone stays: the late action finds it.
pub async fn a_compensated_operation_never_changes(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    write(&*store, 1, OperationState::Compensated).await?;
    write(&*store, 2, executed(b"first")).await?;
    for (number, before) in [(1, OperationState::Compensated), (2, executed(b"first"))] {
        let late = write(&*store, number, executed(b"late")).await;
        let promise = "an executed operation becomes compensated, and nothing else changes";
        expect(promise, late.is_err(), || format!("no error when {before:?} was overwritten"))?;
        expect_eq(promise, read(&*store, number).await?, Some(before))?;
    }
    Ok(CheckVerdict::Held)
}

/// A late action and its compensation at once: one of them fails.
pub async fn of_two_overlapping_writes_of_an_operation_one_conflicts(subject: &dyn StoreSubject) -> Outcome {
    if !subject.concurrent_writers() {
        return Ok(CheckVerdict::NotApplicable(SINGLE_WRITER));
    }
    let store = subject.fresh().await;
    for (number, exists) in [(1, false), (2, true)] {
        if exists {
            write(&*store, number, executed(b"first")).await?;
        }
        let mut slow = store.begin().await?;
        slow.operation(operation_id(number)).await?;
        write(&*store, number, OperationState::Compensated).await?;
        let record = OperationRecord { id: operation_id(number), state: OperationState::Compensated };
        let overtaken = match slow.put_operation(&record).await {
            Ok(()) => slow.commit().await,
            error => error,
        };
        expect_conflict("an operation that another transaction wrote meanwhile is a conflict", overtaken)?;
    }
    Ok(CheckVerdict::Held)
}

/// Eight attempts of one operation at once: one takes effect.
pub async fn racing_executions_take_effect_once(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let done = race(8, async |_| {
        persist(async || {
            let mut tx = store.begin().await?;
            step().await;
            if tx.operation(operation_id(1)).await?.is_none() {
                step().await;
                let state = executed(b"done");
                tx.put_operation(&OperationRecord { id: operation_id(1), state }).await?;
                increment(&mut *tx).await?;
                tx.commit().await?;
            }
            Ok(())
        })
        .await
    });
    for done in done.await {
        done?;
    }
    expect_eq("racing attempts of an operation take effect once", count(&*store).await?, 1)?;
    Ok(CheckVerdict::Held)
}

/// Those written first go first; one that was compensated lately stays, however old it is.
pub async fn old_operations_are_forgotten(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let age = subject.unit() * 10;
    for number in 1..=4 {
        write(&*store, number, if number == 2 { OperationState::Compensated } else { executed(b"done") }).await?;
    }
    let old = PurgeRequest { older_than: age, limit: 2 };
    expect_eq("operations written not long enough ago stay", store.purge_operations(&old).await?, 0)?;
    subject.advance(age).await;
    write(&*store, 4, OperationState::Compensated).await?;
    let purged = [store.purge_operations(&old).await?, store.purge_operations(&old).await?];
    expect_eq("a purge takes no more operations than its limit, and goes on next time", purged, [2, 1])?;
    expect_eq("an operation is forgotten once", store.purge_operations(&old).await?, 0)?;
    for number in 1..=4 {
        let kept = read(&*store, number).await?;
        let expected = (number == 4).then_some(OperationState::Compensated);
        expect_eq("an operation is as old as what was written of it last", kept, expected)?;
    }
    write(&*store, 1, executed(b"again")).await?;
    expect_eq("one that was forgotten is a new one", read(&*store, 1).await?, Some(executed(b"again")))?;
    Ok(CheckVerdict::Held)
}
