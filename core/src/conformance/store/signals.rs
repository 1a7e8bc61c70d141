//! Entries from outside for the logs of sagas that wait.

use std::time::Duration;

use super::sagas::{create, write};
use crate::{
    conformance::{
        CheckVerdict, Outcome, StoreSubject,
        outcome::{expect_conflict, expect_eq},
        samples::{DEFINITION, acquire, append, correlated, definition, new_saga, saga_id, signal},
    },
    ids::SagaId,
    ports::{
        NewSaga, PurgeRequest, SagaAddress, SagaAppend, SagaInstance, SagaKey, SagaSignal, SagaStatus, Store,
        StoreError, Timestamp,
    },
};

/// A saga that waits for as long as it takes.
const FOR_EVER: Duration = Duration::MAX;

async fn send(store: &dyn Store, signal: &SagaSignal) -> Result<Vec<SagaInstance>, StoreError> {
    let mut tx = store.begin().await?;
    let found = tx.saga_signal(signal).await?;
    tx.commit().await?;
    Ok(found)
}

fn ids(found: &[SagaInstance]) -> Vec<SagaId> {
    found.iter().map(|saga| saga.id).collect()
}

/// A saga that waits is acquired by nobody, until a signal has come; then at once, and the signal is in its log.
pub async fn a_signal_wakes_a_saga_that_waits_and_is_in_its_log(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    create(&*store, &new_saga(1, lease)).await?;
    write(&*store, &SagaAppend { sleep: FOR_EVER, ..append(1, 1, 0, Duration::ZERO) }).await?;
    let waits = store.saga(saga_id(1)).await?.map(|saga| saga.wake_at);
    expect_eq("a saga that waits for a signal has no time", waits, Some(Timestamp::MAX))?;
    let backlog = store.backlog().await?;
    let counted = (backlog.sagas_active, backlog.sagas_waiting);
    expect_eq("a saga that waits for a signal is counted apart", counted, (0, 1))?;
    subject.advance(lease * 100).await;
    expect_eq("a saga that waits is acquired by nobody", store.acquire_sagas(&acquire(9, lease)).await?.len(), 0)?;

    let mut dropped = store.begin().await?;
    dropped.saga_signal(&signal(1)).await?;
    drop(dropped);
    let promise = "a signal that is rolled back was never given";
    expect_eq(promise, store.acquire_sagas(&acquire(9, lease)).await?.len(), 0)?;
    expect_eq(promise, store.saga_log(saga_id(1), 0, 9).await?.len(), 1)?;

    let found = send(&*store, &signal(1)).await?;
    let before: Vec<_> = found.iter().map(|saga| (saga.id, saga.log_length, saga.status)).collect();
    expect_eq("a signal tells of its saga as it was before", before, vec![(saga_id(1), 1, SagaStatus::Running)])?;
    let log = store.saga_log(saga_id(1), 1, 9).await?;
    let entries = log.iter().map(|entry| (entry.sequence, entry.epoch, entry.record.clone())).collect();
    expect_eq("a signal is an entry of the log", entries, vec![(2, 1, signal(1).record)])?;
    let backlog = store.backlog().await?;
    let counted = (backlog.sagas_active, backlog.sagas_waiting);
    expect_eq("a saga that was signalled waits no more", counted, (1, 0))?;
    let taken = store.acquire_sagas(&acquire(9, lease)).await?;
    let taken = taken.iter().map(|saga| (saga.id, saga.epoch, saga.log_length)).collect();
    expect_eq("a saga that was signalled is acquired at once", taken, vec![(saga_id(1), 2, 2)])?;
    Ok(CheckVerdict::Held)
}

/// The owner of the saga goes on driving it, and finds that its log has grown.
pub async fn a_signal_leaves_the_saga_to_its_owner_who_hears_of_it(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    create(&*store, &new_saga(1, lease)).await?;
    write(&*store, &append(1, 1, 0, lease)).await?;
    let owned_until = store.saga(saga_id(1)).await?.map(|saga| saga.lease_until);
    send(&*store, &signal(1)).await?;
    let found = store.saga(saga_id(1)).await?;
    let kept = found.map(|saga| (saga.epoch, Some(saga.lease_until)));
    expect_eq("a signal leaves the owner its lease", kept, Some((1, owned_until)))?;
    let promise = "an append that has not seen a signal conflicts";
    expect_conflict(promise, write(&*store, &append(1, 1, 1, lease)).await)?;
    write(&*store, &append(1, 1, 2, lease)).await?;
    expect_eq("a signal leaves no gap in the log", store.saga_log(saga_id(1), 0, 9).await?.len(), 3)?;
    Ok(CheckVerdict::Held)
}

/// Nothing is written for a saga that has ended or is not there, and who asks is told.
pub async fn a_signal_for_a_saga_that_has_ended_writes_nothing_and_says_so(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    create(&*store, &new_saga(1, lease)).await?;
    write(&*store, &SagaAppend { status: SagaStatus::Compensated, ..append(1, 1, 0, lease) }).await?;
    let told: Vec<_> = send(&*store, &signal(1)).await?.iter().map(|saga| saga.status).collect();
    expect_eq("a signal for a saga that has ended tells how it ended", told, vec![SagaStatus::Compensated])?;
    expect_eq("a signal for a saga that has ended writes nothing", store.saga_log(saga_id(1), 0, 9).await?.len(), 1)?;
    expect_eq("a signal for a saga that is not there finds none", ids(&send(&*store, &signal(2)).await?), Vec::new())?;
    create(&*store, &new_saga(3, lease)).await?;
    write(&*store, &SagaAppend { status: SagaStatus::Stuck, ..append(3, 1, 0, lease) }).await?;
    send(&*store, &signal(3)).await?;
    let kept = store.saga(saga_id(3)).await?.map(|saga| (saga.status, saga.log_length));
    expect_eq("a stuck saga keeps its signals, and stays stuck", kept, Some((SagaStatus::Stuck, 2)))?;
    Ok(CheckVerdict::Held)
}

/// Sagas of one definition that share a correlation id all get a signal for it, and no others.
pub async fn a_signal_finds_sagas_by_their_correlation(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    let shared = new_saga(1, lease).correlation_id;
    let twin = NewSaga { correlation_id: shared, ..new_saga(2, lease) };
    let other = NewSaga { correlation_id: shared, definition: definition("refund"), ..new_saga(3, lease) };
    for saga in [new_saga(1, lease), twin, other, new_saga(4, lease)] {
        create(&*store, &saga).await?;
    }
    // One whose messages share its own id.
    let own = NewSaga { correlation_id: saga_id(5).0, ..new_saga(5, lease) };
    create(&*store, &own).await?;
    write(&*store, &SagaAppend { status: SagaStatus::Abandoned, ..append(2, 1, 0, lease) }).await?;
    let promise = "a signal finds the sagas of a definition that share a correlation id, in order";
    expect_eq(promise, ids(&send(&*store, &correlated(1)).await?), vec![saga_id(1), saga_id(2)])?;
    let lengths = async || {
        let mut lengths = Vec::new();
        for number in 1..=5 {
            lengths.push(store.saga(saga_id(number)).await?.map_or(0, |saga| saga.log_length));
        }
        Ok::<_, StoreError>(lengths)
    };
    expect_eq("a signal is for the sagas that it names", lengths().await?, vec![1, 1, 0, 0, 0])?;
    let by_own_id = SagaSignal {
        to: SagaAddress::Correlated { definition: DEFINITION.into(), correlation_id: saga_id(5).0 },
        ..signal(5)
    };
    expect_eq("a saga's own id may be its correlation id", ids(&send(&*store, &by_own_id).await?), vec![saga_id(5)])?;
    // The id of a saga whose correlation id is another says nothing.
    let by_other_id = SagaSignal {
        to: SagaAddress::Correlated { definition: DEFINITION.into(), correlation_id: saga_id(4).0 },
        ..signal(4)
    };
    expect_eq("an id is not a correlation id", ids(&send(&*store, &by_other_id).await?), Vec::new())?;
    Ok(CheckVerdict::Held)
}

/// A saga is created and signalled in one transaction, and what that transaction appends comes after.
pub async fn a_signal_sees_what_its_transaction_has_written(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    let mut tx = store.begin().await?;
    tx.saga_create(&new_saga(1, lease)).await?;
    tx.saga_append(&append(1, 1, 0, lease)).await?;
    for signal in [signal(1), correlated(1)] {
        let found = tx.saga_signal(&signal).await?;
        expect_eq("a signal finds a saga of its own transaction", ids(&found), vec![saga_id(1)])?;
    }
    tx.saga_append(&append(1, 1, 3, lease)).await?;
    tx.commit().await?;
    let log: Vec<u64> = store.saga_log(saga_id(1), 0, 9).await?.iter().map(|entry| entry.sequence).collect();
    expect_eq("signals and appends of one transaction are numbered one after the other", log, vec![1, 2, 3, 4])?;
    Ok(CheckVerdict::Held)
}

/// A saga is found by each key that an append gave it, for what it is a key, by others of its definition as well, until it is
/// deleted; also in the transaction that gives it.
pub async fn a_signal_finds_sagas_by_a_key_of_their_own(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    let key = |name: &str, key: &str| SagaKey { name: name.into(), key: key.into() };
    let by = |definition: &str, name: &str, given: &str| SagaSignal {
        to: SagaAddress::Keyed { definition: definition.into(), key: key(name, given) },
        ..signal(1)
    };
    let paid = |given: &str| by(DEFINITION, "paid", given);
    let other = NewSaga { definition: definition("refund"), ..new_saga(4, lease) };
    for saga in [new_saga(1, lease), new_saga(2, lease), new_saga(3, lease), other] {
        create(&*store, &saga).await?;
    }
    for number in [2, 1, 4] {
        write(&*store, &SagaAppend { keys: vec![key("paid", "17")], ..append(number, 1, 0, lease) }).await?;
    }
    let again = vec![key("paid", "17"), key("paid", "18"), key("sent", "17")];
    write(&*store, &SagaAppend { keys: again, ..append(1, 1, 1, lease) }).await?;
    let promise = "a signal finds the sagas of a definition that have a key, in order";
    expect_eq(promise, ids(&send(&*store, &paid("17")).await?), vec![saga_id(1), saga_id(2)])?;
    expect_eq(promise, ids(&send(&*store, &by("refund", "paid", "17")).await?), vec![saga_id(4)])?;
    expect_eq("a saga may have several keys", ids(&send(&*store, &paid("18")).await?), vec![saga_id(1)])?;
    let promise = "a key is one for what it was given";
    expect_eq(promise, ids(&send(&*store, &by(DEFINITION, "sent", "17")).await?), vec![saga_id(1)])?;
    expect_eq(promise, ids(&send(&*store, &by(DEFINITION, "sent", "18")).await?), Vec::new())?;
    let lengths = async || {
        let mut lengths = Vec::new();
        for number in 1..=4 {
            lengths.push(store.saga(saga_id(number)).await?.map_or(0, |saga| saga.log_length));
        }
        Ok::<_, StoreError>(lengths)
    };
    expect_eq("a signal by a key is an entry of each log", lengths().await?, vec![5, 2, 0, 2])?;

    let mut tx = store.begin().await?;
    tx.saga_append(&SagaAppend { keys: vec![key("paid", "19")], ..append(3, 1, 0, lease) }).await?;
    tx.saga_create(&new_saga(5, lease)).await?;
    tx.saga_append(&SagaAppend { keys: vec![key("paid", "19")], ..append(5, 1, 0, lease) }).await?;
    let promise = "a signal sees a key that its transaction gives";
    expect_eq(promise, ids(&tx.saga_signal(&paid("19")).await?), vec![saga_id(3), saga_id(5)])?;
    drop(tx);
    let promise = "a key that is rolled back was never given";
    expect_eq(promise, ids(&send(&*store, &paid("19")).await?), Vec::new())?;

    write(&*store, &SagaAppend { status: SagaStatus::Completed, ..append(2, 1, 2, lease) }).await?;
    let told: Vec<_> = send(&*store, &paid("17")).await?.iter().map(|saga| saga.status).collect();
    let promise = "a saga that has ended keeps its key";
    expect_eq(promise, told, vec![SagaStatus::Running, SagaStatus::Completed])?;
    let all = PurgeRequest { older_than: Duration::ZERO, limit: 9 };
    store.purge_saga_logs(&all).await?;
    store.purge_sagas(&all).await?;
    expect_eq("a saga that is deleted has no key", ids(&send(&*store, &paid("17")).await?), vec![saga_id(1)])?;
    Ok(CheckVerdict::Held)
}
