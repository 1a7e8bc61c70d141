//! Checks of what operators and the simulator read.

use std::time::Duration;

use super::{
    sagas::{create, write},
    steps::{drain, kill_next, stage},
};
use crate::{
    conformance::{
        Outcome, StoreSubject, Verdict,
        outcome::{expect, expect_eq},
        samples::{append, claim, entry, lone, new_saga, received},
    },
    ports::{DeadRowRequest, Backlog, Part, SagaAppend, SagaStatus},
};

/// Unsettled and dead rows, active and stuck sagas, dead letters; nothing of a part that the store has not.
pub async fn the_backlog_counts_what_waits(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    let (outbox, inbox, sagas) =
        (store.parts().has(Part::Outbox), store.parts().has(Part::Inbox), store.parts().has(Part::Sagas));
    expect_eq("an empty store has no backlog", store.backlog().await?, Backlog::default())?;
    let mut expected = Backlog::default();
    if outbox {
        stage(&*store, &[1, 2, 3].map(lone)).await?;
        kill_next(&*store, 1, "unroutable", lease).await?;
        store.claim(&claim(2, 1, lease)).await?;
        expected = Backlog { outbox_unsettled: 2, outbox_dead: 1, ..expected };
    }
    if sagas {
        for (number, status) in
            (1..).zip([SagaStatus::Running, SagaStatus::Compensating, SagaStatus::Stuck, SagaStatus::Completed])
        {
            create(&*store, &new_saga(number, lease)).await?;
            write(&*store, &SagaAppend { status, ..append(number, 1, 0, Duration::ZERO) }).await?;
        }
        expected = Backlog { sagas_active: 2, sagas_stuck: 1, ..expected };
    }
    if inbox {
        let mut tx = store.begin().await?;
        tx.inbox_bury(&entry(1), &received(1, "key"), "poison").await?;
        tx.commit().await?;
        expected = Backlog { inbox_dead: 1, ..expected };
    }
    expect_eq("the backlog counts what waits", store.backlog().await?, expected)?;

    let mut expected = Backlog::default();
    if sagas {
        write(&*store, &SagaAppend { status: SagaStatus::Running, ..append(3, 1, 1, lease) }).await?;
        expected.sagas_active = 3;
    }
    if outbox {
        store.redrive(&DeadRowRequest::new(9)).await?;
        subject.advance(lease).await;
        drain(&*store, lease).await?;
    }
    if inbox {
        let mut tx = store.begin().await?;
        tx.inbox_exhume(&entry(1)).await?;
        tx.commit().await?;
    }
    expect_eq("the backlog counts only what still waits", store.backlog().await?, expected)?;
    Ok(Verdict::Held)
}

/// The subject's `advance` moves what the store calls now.
pub async fn the_clock_of_the_store_advances(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let before = store.now().await?;
    subject.advance(subject.unit()).await;
    let passed = store.now().await?.since(before);
    expect("the store's clock advances as the subject says", passed >= subject.unit(), || format!("by {passed:?}"))?;
    Ok(Verdict::Held)
}

/// The clock that a transaction reads is the one that judges leases, and goes on from one transaction to the next.
pub async fn a_transaction_reads_the_clock_of_its_store(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let promise = "a transaction reads the store's own clock";
    let before = store.now().await?;
    let inside = store.begin().await?.now().await?;
    let after = store.now().await?;
    expect(promise, before <= inside && inside <= after, || format!("{inside} between {before} and {after}"))?;
    subject.advance(subject.unit()).await;
    let passed = store.begin().await?.now().await?.since(inside);
    expect(promise, passed >= subject.unit(), || format!("it advanced by {passed:?}"))?;
    Ok(Verdict::Held)
}
