//! Saga instances and their logs.

use bytes::Bytes;

use super::steps::SINGLE_WRITER;
use crate::{
    conformance::{
        CheckVerdict, Outcome, StoreSubject,
        outcome::{expect, expect_conflict, expect_eq},
        poll::{persist, race, step},
        samples::{DEFINITION, acquire, append, definition, exists, new_saga, purge, saga_id},
    },
    ports::{NewSaga, PurgeRequest, SagaAppend, SagaCreate, SagaInstance, SagaStatus, Store, StoreError},
};

pub(super) async fn create(store: &dyn Store, saga: &NewSaga) -> Result<SagaCreate, StoreError> {
    let mut tx = store.begin().await?;
    let created = tx.saga_create(saga).await?;
    tx.commit().await?;
    Ok(created)
}

pub(super) async fn write(store: &dyn Store, append: &SagaAppend) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    tx.saga_append(append).await?;
    tx.commit().await
}

/// Everything that a saga was created with is there, owned at epoch 1.
pub async fn a_new_saga_is_stored_as_it_was_created(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    let new = new_saga(1, lease);
    let before = store.now().await?;
    expect_eq("a new saga is created", create(&*store, &new).await?, SagaCreate::Created)?;
    let after = store.now().await?;
    let Some(found) = store.saga(new.id).await? else {
        return Err(crate::conformance::BrokenPromise::new("a saga is found by its id", "nothing"));
    };
    let leased = before + lease <= found.lease_until && found.lease_until <= after + lease;
    expect("a new saga is owned for its lease", leased, || format!("{}, created at {before}", found.lease_until))?;
    expect("a new saga is not put to sleep", found.wake_at <= after, || format!("until {}", found.wake_at))?;
    let (lease_until, wake_at) = (found.lease_until, found.wake_at);
    let NewSaga { id, definition, key, input, correlation_id, .. } = new;
    let (status, epoch, log_length, outcome) = (SagaStatus::Running, 1, 0, None);
    let expected = SagaInstance {
        id,
        definition,
        key,
        input,
        correlation_id,
        status,
        epoch,
        log_length,
        lease_until,
        wake_at,
        outcome,
    };
    let by_key = store.saga_by_key(DEFINITION, "order-1").await?;
    expect_eq("a saga is found by its key", by_key.as_ref(), Some(&found))?;
    expect_eq("a saga is stored as it was created", found, expected)?;
    expect_eq("a saga that is not there is not found", store.saga(saga_id(2)).await?, None)?;
    expect_eq("a key belongs to a definition", store.saga_by_key("refund", "order-1").await?, None)?;
    Ok(CheckVerdict::Held)
}

/// Starting is idempotent by business key; another definition has its own keys.
pub async fn one_business_key_has_one_saga_for_each_definition(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit();
    create(&*store, &new_saga(1, lease)).await?;
    let again = NewSaga { id: saga_id(2), input: Bytes::from_static(b"{\"quantity\":9}"), ..new_saga(1, lease) };
    let promise = "a business key has one saga";
    expect_eq(promise, create(&*store, &again).await?, exists(1))?;
    expect_eq(promise, store.saga(saga_id(2)).await?, None)?;
    let newer = NewSaga { definition: crate::ports::DefinitionRef { version: 4, ..definition(DEFINITION) }, ..again };
    expect_eq("a newer version has the same keys", create(&*store, &newer).await?, exists(1))?;
    let other = NewSaga { definition: definition("refund"), ..newer };
    expect_eq("another definition has its own keys", create(&*store, &other).await?, SagaCreate::Created)?;
    Ok(CheckVerdict::Held)
}

/// Entries of a log are numbered 1, 2, 3 and so on across appends; status and length follow.
pub async fn a_log_is_numbered_without_gaps(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    create(&*store, &new_saga(1, lease)).await?;
    let before = store.now().await?;
    let two = SagaAppend { records: vec!["one".into(), "two".into()], ..append(1, 1, 0, lease) };
    write(&*store, &two).await?;
    let last = SagaAppend { records: vec!["three".into()], status: SagaStatus::Compensating, ..append(1, 1, 2, lease) };
    write(&*store, &last).await?;
    let after = store.now().await?;
    let log = store.saga_log(saga_id(1), 0, 9).await?;
    let plain = log.iter().map(|entry| (entry.sequence, entry.epoch, entry.record.clone())).collect();
    let expected: Vec<(u64, u64, Bytes)> = vec![(1, 1, "one".into()), (2, 1, "two".into()), (3, 1, "three".into())];
    expect_eq("log entries are numbered from 1 without a gap", plain, expected)?;
    let dated = log.iter().all(|entry| before <= entry.at && entry.at <= after);
    expect("log entries carry the moment by the store's clock", dated, || format!("{log:?}"))?;
    let page = |from: usize, to: usize| log[from..to].to_vec();
    let promise = "a log is read after a number and up to a limit";
    expect_eq(promise, store.saga_log(saga_id(1), 1, 1).await?, page(1, 2))?;
    expect_eq(promise, store.saga_log(saga_id(1), 2, 9).await?, page(2, 3))?;
    expect_eq(promise, store.saga_log(saga_id(1), 3, 9).await?, Vec::new())?;
    let found = store.saga(saga_id(1)).await?.map(|saga| (saga.status, saga.log_length));
    let expected = Some((SagaStatus::Compensating, 3));
    expect_eq("an append sets the saga's status and length", found, expected)?;
    Ok(CheckVerdict::Held)
}

/// The expected length guards the log.
pub async fn an_append_at_another_length_conflicts(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    create(&*store, &new_saga(1, lease)).await?;
    write(&*store, &append(1, 1, 0, lease)).await?;
    let promise = "an append at another length than the log's is a conflict";
    for length in [0, 2] {
        expect_conflict(promise, write(&*store, &append(1, 1, length, lease)).await)?;
    }
    expect_conflict(
        "an append to a saga that is not there is a conflict",
        write(&*store, &append(2, 1, 0, lease)).await,
    )?;
    let log = store.saga_log(saga_id(1), 0, 9).await?;
    expect_eq("an append that conflicts writes nothing", log.len(), 1)?;
    Ok(CheckVerdict::Held)
}

/// Parallel steps of one saga: who read before the other committed may append after it.
pub async fn an_append_is_checked_against_what_is_committed(subject: &dyn StoreSubject) -> Outcome {
    if !subject.concurrent_writers() {
        return Ok(CheckVerdict::NotApplicable(SINGLE_WRITER));
    }
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    create(&*store, &new_saga(1, lease)).await?;
    let mut slow = store.begin().await?;
    slow.get("orders", "17").await?;
    write(&*store, &append(1, 1, 0, lease)).await?;
    let appended = match slow.saga_append(&append(1, 1, 1, lease)).await {
        Ok(()) => slow.commit().await,
        error => error,
    };
    let promise = "an append is checked against what is committed, not against the transaction's snapshot";
    expect(promise, appended.is_ok(), || format!("{appended:?}"))?;

    let mut one = store.begin().await?;
    let mut two = store.begin().await?;
    one.saga_append(&append(1, 1, 2, lease)).await?;
    let (first, second) = {
        let mut appending = Box::pin(async {
            match two.saga_append(&append(1, 1, 2, lease)).await {
                Ok(()) => two.commit().await,
                error => error,
            }
        });
        let early = crate::conformance::poll::settled(&mut appending).await;
        let first = one.commit().await;
        match early {
            Some(second) => (first, second),
            None => (first, appending.await),
        }
    };
    expect("of two appends at one length exactly one commits", first.is_ok() != second.is_ok(), || {
        format!("{first:?} and {second:?}")
    })?;
    Ok(CheckVerdict::Held)
}

/// The epoch guards the log: a takeover shuts the old owner out.
pub async fn an_append_of_an_older_epoch_conflicts(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    create(&*store, &new_saga(1, lease)).await?;
    subject.advance(lease).await;
    let taken = store.acquire_sagas(&acquire(9, lease)).await?;
    expect_eq("a takeover makes the epoch one more", taken.iter().map(|saga| saga.epoch).collect(), vec![2])?;
    let promise = "an append of another epoch than the saga's is a conflict";
    for epoch in [1, 3] {
        expect_conflict(promise, write(&*store, &append(1, epoch, 0, lease)).await)?;
    }
    write(&*store, &append(1, 2, 0, lease)).await?;
    let epochs = store.saga_log(saga_id(1), 0, 9).await?.iter().map(|entry| entry.epoch).collect();
    expect_eq("an entry carries the epoch of its writer", epochs, vec![2])?;
    Ok(CheckVerdict::Held)
}

/// Eight steps append at once and try again after a conflict: nothing is lost, nothing is overwritten.
pub async fn racing_appends_leave_no_gap(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 1_000;
    create(&*store, &new_saga(1, lease)).await?;
    let done = race(8, async |writer| {
        persist(async || {
            let length = store.saga(saga_id(1)).await?.map_or(0, |saga| saga.log_length);
            let mut tx = store.begin().await?;
            step().await;
            let records = vec![Bytes::from(format!("writer {writer}"))];
            tx.saga_append(&SagaAppend { records, ..append(1, 1, length, lease) }).await?;
            step().await;
            tx.commit().await
        })
        .await
    });
    for done in done.await {
        done?;
    }
    let log = store.saga_log(saga_id(1), 0, 99).await?;
    let sequences: Vec<u64> = log.iter().map(|entry| entry.sequence).collect();
    expect_eq("racing appends leave no gap in the log", sequences, (1..=8).collect())?;
    let mut writers: Vec<Bytes> = log.into_iter().map(|entry| entry.record).collect();
    writers.sort();
    let expected = (0..8).map(|writer| Bytes::from(format!("writer {writer}"))).collect();
    expect_eq("racing appends lose no entry", writers, expected)?;
    Ok(CheckVerdict::Held)
}

/// Logs of ended sagas go; the saga stays, and so does its key.
pub async fn purged_logs_leave_their_saga(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let (lease, age) = (subject.unit() * 5, subject.unit() * 10);
    let ends = [SagaStatus::Completed, SagaStatus::Compensated, SagaStatus::Abandoned];
    for (number, status) in (1..).zip([SagaStatus::Running, SagaStatus::Stuck].into_iter().chain(ends)) {
        create(&*store, &new_saga(number, lease)).await?;
        write(&*store, &SagaAppend { status, ..append(number, 1, 0, lease) }).await?;
    }
    let old = PurgeRequest { older_than: age, limit: 2 };
    expect_eq("logs of sagas that ended not long enough ago stay", store.purge_saga_logs(&old).await?, 0)?;
    subject.advance(age).await;
    let purged = [store.purge_saga_logs(&old).await?, store.purge_saga_logs(&old).await?];
    expect_eq("a purge takes no more sagas than its limit, and goes on next time", purged, [2, 1])?;
    expect_eq("a log is purged once", store.purge_saga_logs(&purge(9)).await?, 0)?;
    for number in 1..=5 {
        let kept = store.saga_log(saga_id(number), 0, 9).await?.len();
        let promise = "a purge takes the logs of sagas that ended, and no other";
        expect_eq(promise, kept, usize::from(number <= 2))?;
    }
    let found = store.saga(saga_id(3)).await?.map(|saga| (saga.status, saga.log_length));
    expect_eq("a purged saga stays as it is", found, Some((SagaStatus::Completed, 1)))?;
    let again = create(&*store, &NewSaga { id: saga_id(9), ..new_saga(3, lease) }).await?;
    expect_eq("the key of a purged saga stays taken", again, exists(3))?;
    Ok(CheckVerdict::Held)
}

/// Sagas that ended long ago go once their logs are gone; then nothing tells of them.
pub async fn a_saga_without_a_log_is_deleted_in_the_end_and_frees_its_key(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let (lease, age) = (subject.unit() * 5, subject.unit() * 10);
    let ends = [SagaStatus::Completed, SagaStatus::Compensated, SagaStatus::Abandoned];
    for (number, status) in (1..).zip([SagaStatus::Running, SagaStatus::Stuck].into_iter().chain(ends)) {
        create(&*store, &new_saga(number, lease)).await?;
        write(&*store, &SagaAppend { status, ..append(number, 1, 0, lease) }).await?;
    }
    expect_eq("a saga that has a log stays", store.purge_sagas(&purge(9)).await?, 0)?;
    expect_eq("logs of sagas that ended are purged", store.purge_saga_logs(&purge(9)).await?, 3)?;
    let old = PurgeRequest { older_than: age, limit: 2 };
    expect_eq("sagas that ended not long enough ago stay", store.purge_sagas(&old).await?, 0)?;
    expect_eq(
        "a saga that stays keeps its key",
        create(&*store, &NewSaga { id: saga_id(9), ..new_saga(3, lease) }).await?,
        exists(3),
    )?;
    subject.advance(age).await;
    let purged = [store.purge_sagas(&old).await?, store.purge_sagas(&old).await?, store.purge_sagas(&old).await?];
    expect_eq("a purge takes no more sagas than its limit, and goes on next time", purged, [2, 1, 0])?;
    for number in 1..=5 {
        let promise = "a purge takes sagas that ended, and no other";
        let key = new_saga(number, lease).key;
        let found = [store.saga(saga_id(number)).await?, store.saga_by_key(DEFINITION, &key).await?];
        expect_eq(promise, found.map(|found| found.is_some()), [number <= 2; 2])?;
    }
    let again = create(&*store, &new_saga(3, lease)).await?;
    expect_eq("the key and the id of a deleted saga are free", again, SagaCreate::Created)?;
    write(&*store, &append(3, 1, 0, lease)).await?;
    expect_eq("its log begins anew", store.saga_log(saga_id(3), 0, 9).await?.len(), 1)?;
    expect_eq("another of the key is left alone", store.purge_sagas(&purge(9)).await?, 0)?;
    Ok(CheckVerdict::Held)
}
