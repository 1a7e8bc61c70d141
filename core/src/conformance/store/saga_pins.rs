//! Checks of an append that changes more of a saga than its log: the version that it runs, and what its log keeps.

use bytes::Bytes;

use super::sagas::{create, write};
use crate::{
    conformance::{
        CheckVerdict, Outcome, StoreSubject,
        outcome::expect_eq,
        samples::{DEFINITION, acquire, append, definition, new_saga, purge, saga_id},
    },
    ports::{DefinitionRef, SagaAppend, SagaStatus},
};

/// An append that names a version of the definition pins the saga to it, for whoever acquires it; others do not.
pub async fn an_append_pins_another_version_if_it_says_so(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    create(&*store, &new_saga(1, lease)).await?;
    let newer = DefinitionRef { version: 4, hash: u64::MAX, ..definition(DEFINITION) };
    write(&*store, &SagaAppend { definition: Some(newer.clone()), ..append(1, 1, 0, lease) }).await?;
    write(&*store, &append(1, 1, 1, lease)).await?;
    let found = store.saga(saga_id(1)).await?.map(|saga| saga.definition);
    expect_eq("an append pins the version that it names", found, Some(newer.clone()))?;
    let found = store.saga_by_key(DEFINITION, "order-1").await?.map(|saga| saga.definition);
    expect_eq("another version leaves the key as it is", found, Some(newer.clone()))?;
    subject.advance(lease).await;
    let found = store.acquire_sagas(&acquire(9, lease)).await?.into_iter().map(|saga| saga.definition).collect();
    expect_eq("a saga is acquired with the version that it was pinned to", found, vec![newer])?;
    Ok(CheckVerdict::Held)
}

/// An append that forgets leaves no entry from before it; numbers go on.
pub async fn an_append_forgets_what_came_before_if_it_says_so(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    for number in [1, 2] {
        create(&*store, &new_saga(number, lease)).await?;
        for length in 0..3 {
            write(&*store, &append(number, 1, length, lease)).await?;
        }
    }
    write(&*store, &SagaAppend { forgets: true, ..append(1, 1, 3, lease) }).await?;
    write(&*store, &append(1, 1, 4, lease)).await?;
    let log = store.saga_log(saga_id(1), 0, 9).await?.iter().map(|entry| entry.sequence).collect();
    expect_eq("an append that forgets leaves nothing from before it, and numbers go on", log, vec![4, 5])?;
    let log = store.saga_log(saga_id(2), 0, 9).await?.len();
    expect_eq("an append forgets entries of its own saga only", log, 3)?;
    Ok(CheckVerdict::Held)
}

/// A saga keeps what its last append said of the rest to which it came, when its log is gone, too.
pub async fn the_last_append_says_how_a_saga_came_to_rest(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    create(&*store, &new_saga(1, lease)).await?;
    let (stuck, ended) = (Bytes::from_static(b"stuck"), Bytes::from_static(b"receipt 7"));
    let appends = [
        (SagaStatus::Stuck, Some(stuck.clone())),
        (SagaStatus::Running, None),
        (SagaStatus::Completed, Some(ended.clone())),
    ];
    for (length, (status, outcome)) in (0..).zip(appends) {
        write(&*store, &SagaAppend { status, outcome: outcome.clone(), ..append(1, 1, length, lease) }).await?;
        let found = store.saga(saga_id(1)).await?.and_then(|saga| saga.outcome);
        expect_eq(
            "an append keeps what it says of how its saga came to rest, in place of what was kept",
            found,
            outcome,
        )?;
    }
    store.purge_saga_logs(&purge(9)).await?;
    let by_key = store.saga_by_key(DEFINITION, "order-1").await?.and_then(|saga| saga.outcome);
    expect_eq("how a saga came to rest outlasts its log", by_key, Some(ended))?;
    Ok(CheckVerdict::Held)
}
