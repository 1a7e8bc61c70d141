//! Checks of the ownership of sagas: leases, epochs and takeovers.

use std::{cell::RefCell, time::Duration};

use super::sagas::{create, write};
use crate::{
    conformance::{
        CheckVerdict, Outcome, StoreSubject,
        outcome::{expect_conflict, expect_eq},
        poll::{persist, race, step},
        samples::{DEFINITION, acquire, append, definition, new_saga, saga_id},
    },
    ids::SagaId,
    ports::{AcquireRequest, NewSaga, SagaAppend, SagaInstance, SagaStatus},
};

fn ids(sagas: &[SagaInstance]) -> Vec<SagaId> {
    sagas.iter().map(|saga| saga.id).collect()
}

/// Not under a lease; after it, with the next epoch and a lease of its own.
pub async fn a_saga_is_taken_over_when_its_lease_has_ended(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    create(&*store, &new_saga(1, lease)).await?;
    let promise = "a saga is not taken over under its owner's lease";
    expect_eq(promise, ids(&store.acquire_sagas(&acquire(9, lease)).await?), vec![])?;
    subject.advance(lease).await;
    let taken = store.acquire_sagas(&acquire(9, lease)).await?;
    expect_eq("a saga is taken over when its lease has ended", ids(&taken), vec![saga_id(1)])?;
    expect_eq("a takeover is stored as it was returned", store.saga(saga_id(1)).await?, taken.into_iter().next())?;
    expect_eq(promise, ids(&store.acquire_sagas(&acquire(9, lease)).await?), vec![])?;
    subject.advance(lease).await;
    let taken = store.acquire_sagas(&acquire(9, lease)).await?;
    expect_eq("each takeover makes the epoch one more", taken.iter().map(|saga| saga.epoch).collect(), vec![3])?;
    let given_up = append(1, 3, 0, Duration::ZERO);
    write(&*store, &given_up).await?;
    let taken = store.acquire_sagas(&acquire(9, lease)).await?;
    expect_eq("a lease of zero gives a saga up at once", ids(&taken), vec![saga_id(1)])?;
    Ok(CheckVerdict::Held)
}

/// A stored timer: nobody takes the saga over before it.
pub async fn a_sleeping_saga_is_left_alone_until_it_is_due(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let (lease, sleep) = (subject.unit() * 2, subject.unit() * 6);
    create(&*store, &new_saga(1, lease)).await?;
    write(&*store, &SagaAppend { sleep, ..append(1, 1, 0, Duration::ZERO) }).await?;
    let promise = "a sleeping saga is left alone until it is due";
    expect_eq(promise, ids(&store.acquire_sagas(&acquire(9, lease)).await?), vec![])?;
    subject.advance(lease).await;
    expect_eq(promise, ids(&store.acquire_sagas(&acquire(9, lease)).await?), vec![])?;
    subject.advance(sleep).await;
    let taken = store.acquire_sagas(&acquire(9, lease)).await?;
    expect_eq("a sleeping saga is taken over when it is due", ids(&taken), vec![saga_id(1)])?;
    Ok(CheckVerdict::Held)
}

/// Ended and stuck sagas stay, and those of other definitions.
pub async fn only_active_sagas_of_known_definitions_are_taken_over(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 2;
    let stays = [SagaStatus::Stuck, SagaStatus::Completed, SagaStatus::Compensated, SagaStatus::Abandoned];
    for (number, status) in (1..).zip(stays) {
        create(&*store, &new_saga(number, lease)).await?;
        write(&*store, &SagaAppend { status, ..append(number, 1, 0, Duration::ZERO) }).await?;
    }
    create(&*store, &NewSaga { definition: definition("refund"), ..new_saga(5, lease) }).await?;
    create(&*store, &new_saga(6, lease)).await?;
    create(&*store, &new_saga(7, lease)).await?;
    write(&*store, &SagaAppend { status: SagaStatus::Compensating, ..append(7, 1, 0, lease) }).await?;
    subject.advance(lease * 2).await;
    let mut taken = Vec::new();
    for _ in 0..3 {
        let batch = store.acquire_sagas(&acquire(1, lease * 10)).await?;
        taken.push(batch.len());
        for saga in batch {
            let expected = [saga_id(6), saga_id(7)].contains(&saga.id);
            expect_eq(
                "only active sagas of the named definitions are taken over",
                (saga.id, expected),
                (saga.id, true),
            )?;
        }
    }
    expect_eq("a takeover is bounded by its limit, and goes on next time", taken, vec![1, 1, 0])?;
    let both = AcquireRequest { definitions: vec!["refund".into(), DEFINITION.into()], ..acquire(9, lease) };
    expect_eq("several definitions can be named", ids(&store.acquire_sagas(&both).await?), vec![saga_id(5)])?;
    Ok(CheckVerdict::Held)
}

/// With `only`: one saga, stuck or asleep too, but never under a lease nor after its end.
pub async fn an_operator_takes_over_a_stuck_saga(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let (lease, sleep) = (subject.unit() * 5, subject.unit() * 100);
    let only = |number| AcquireRequest { only: Some(saga_id(number)), ..acquire(9, lease) };
    for (number, status) in (1..).zip([SagaStatus::Stuck, SagaStatus::Running, SagaStatus::Completed]) {
        create(&*store, &new_saga(number, lease)).await?;
        write(&*store, &SagaAppend { status, sleep, ..append(number, 1, 0, Duration::ZERO) }).await?;
    }
    create(&*store, &new_saga(4, lease)).await?;
    let promise = "an operator takes over the saga that is named, stuck or asleep";
    expect_eq(promise, ids(&store.acquire_sagas(&only(1)).await?), vec![saga_id(1)])?;
    expect_eq(promise, ids(&store.acquire_sagas(&only(2)).await?), vec![saga_id(2)])?;
    let promise = "an operator does not take over a saga that has ended, is owned, or is not there";
    for number in [3, 4, 1, 9] {
        expect_eq(promise, ids(&store.acquire_sagas(&only(number)).await?), vec![])?;
    }
    Ok(CheckVerdict::Held)
}

/// Renewing extends the lease, for the owner of the current epoch.
pub async fn a_lease_is_renewed_by_its_owner_only(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    create(&*store, &new_saga(1, lease)).await?;
    subject.advance(subject.unit() * 3).await;
    expect_eq("the owner renews its lease", store.renew_saga(saga_id(1), 1, lease).await?, true)?;
    subject.advance(subject.unit() * 3).await;
    let early = store.acquire_sagas(&acquire(9, lease)).await?;
    expect_eq("a renewed lease holds from its renewal", ids(&early), vec![])?;
    subject.advance(lease).await;
    store.acquire_sagas(&acquire(9, lease)).await?;
    let promise = "an owner whose saga was taken over, or is not there, renews nothing";
    expect_eq(promise, store.renew_saga(saga_id(1), 1, lease * 9).await?, false)?;
    expect_eq(promise, store.renew_saga(saga_id(2), 1, lease * 9).await?, false)?;
    subject.advance(lease).await;
    expect_eq(promise, store.acquire_sagas(&acquire(9, lease)).await?.len(), 1)?;
    expect_conflict("and writes nothing", write(&*store, &append(1, 1, 0, lease)).await)?;
    Ok(CheckVerdict::Held)
}

/// Recovery in eight processes at once: each saga has one new owner.
pub async fn eight_processes_take_over_every_saga_once(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    for number in 0..40 {
        create(&*store, &new_saga(number, Duration::ZERO)).await?;
    }
    let taken: RefCell<Vec<SagaInstance>> = RefCell::default();
    let request = acquire(3, subject.unit() * 1_000);
    let processes = race(8, async |_| {
        loop {
            let batch = persist(async || store.acquire_sagas(&request).await).await?;
            // A store that hands out the same sagas again and again is found out too.
            if batch.is_empty() || taken.borrow().len() > 400 {
                return Ok::<(), crate::conformance::BrokenPromise>(());
            }
            taken.borrow_mut().extend(batch);
            step().await;
        }
    });
    for process in processes.await {
        process?;
    }
    let mut taken: Vec<(SagaId, u64)> = taken.into_inner().iter().map(|saga| (saga.id, saga.epoch)).collect();
    taken.sort();
    let expected = (0..40).map(|number| (saga_id(number), 2)).collect();
    expect_eq("processes that recover at once take over every saga, each one once", taken, expected)?;
    Ok(CheckVerdict::Held)
}
