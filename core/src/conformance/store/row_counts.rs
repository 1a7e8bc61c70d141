//! The rows of each table, counted.

use std::time::Duration;

use super::{
    sagas::{create, write},
    steps::{drain, stage},
};
use crate::{
    conformance::{
        CheckVerdict, Outcome, StoreSubject,
        outcome::expect_eq,
        samples::{CONSUMER, append, entry, lone, new_saga, operation_id, purge, received, sweep},
    },
    ports::{OperationRecord, OperationState, Part, RowCounts, SagaAppend, SagaStatus, StoreError, StoreTable},
};

/// Every table that grows with the work is counted, whatever has become of its rows, and what a purge has deleted is not.
pub async fn every_row_is_counted_until_it_is_purged(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let empty = match store.row_counts().await {
        Err(StoreError::Refused(_)) => return Ok(CheckVerdict::NotApplicable("the store does not count its rows")),
        empty => empty?,
    };
    expect_eq("an empty store has no rows", empty, RowCounts::new())?;
    let lease = subject.unit() * 5;
    let (mut before, mut after) = (RowCounts::new(), RowCounts::new());
    if store.parts().has(Part::Outbox) {
        stage(&*store, &[lone(1), lone(2)]).await?;
        drain(&*store, lease).await?;
        stage(&*store, &[lone(3)]).await?;
        before.insert(StoreTable::Outbox, 3);
        after.insert(StoreTable::Outbox, 1);
    }
    if store.parts().has(Part::Inbox) {
        let mut tx = store.begin().await?;
        tx.inbox_insert(&entry(1)).await?;
        tx.inbox_insert(&entry(2)).await?;
        tx.inbox_failed(&entry(3), "it broke").await?;
        tx.inbox_bury(&entry(4), &received(4, "key"), "poison").await?;
        tx.commit().await?;
        before.extend([(StoreTable::Inbox, 4), (StoreTable::DeadLetters, 1)]);
        // What is no longer there is known by the latest of its key.
        after.extend([(StoreTable::Inbox, 2), (StoreTable::DeadLetters, 1), (StoreTable::Watermarks, 1)]);
    }
    if store.parts().has(Part::Operations) {
        for number in 1..=2 {
            let mut tx = store.begin().await?;
            let state = OperationState::Executed("done".into());
            tx.put_operation(&OperationRecord { id: operation_id(number), state }).await?;
            tx.commit().await?;
        }
        before.insert(StoreTable::Operations, 2);
    }
    if store.parts().has(Part::Sagas) {
        for (number, status) in [(1, SagaStatus::Running), (2, SagaStatus::Completed)] {
            create(&*store, &new_saga(number, lease)).await?;
            write(&*store, &SagaAppend { status, ..append(number, 1, 0, Duration::ZERO) }).await?;
        }
        before.insert(StoreTable::Sagas, 2);
        after.insert(StoreTable::Sagas, 1);
    }
    expect_eq("each row is counted, whatever has become of it", store.row_counts().await?, before)?;

    subject.advance(subject.unit()).await;
    if store.parts().has(Part::Outbox) {
        store.purge_dispatched(&purge(9)).await?;
    }
    if store.parts().has(Part::Inbox) {
        store.purge_inbox(CONSUMER, &sweep(9)).await?;
    }
    if store.parts().has(Part::Operations) {
        store.purge_operations(&purge(9)).await?;
    }
    if store.parts().has(Part::Sagas) {
        store.purge_saga_logs(&purge(9)).await?;
        store.purge_sagas(&purge(9)).await?;
    }
    expect_eq("what was purged is not counted any more", store.row_counts().await?, after)?;
    Ok(CheckVerdict::Held)
}
