//! Checks of what operators and the simulator read.

use std::time::Duration;

use super::{
    sagas::{create, write},
    steps::{drain, kill_next, stage},
};
use crate::{
    conformance::{
        CheckVerdict, Outcome, StoreSubject,
        outcome::{expect, expect_eq},
        samples::{CONSUMER, append, claim, entry, lone, new_saga, received},
    },
    ports::{Backlog, Census, DeadRowRequest, Part, SagaAppend, SagaStatus, SteadyTime, StoreError, Tally},
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
    Ok(CheckVerdict::Held)
}

/// A census counts what the store has, each with the moment of the oldest, and leaves out what there is none of.
pub async fn a_census_counts_everything_and_knows_the_oldest(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    let empty = match store.census().await {
        Err(StoreError::Refused(_)) => return Ok(CheckVerdict::NotApplicable("the store takes no census")),
        empty => empty?,
    };
    expect_eq("a census of an empty store counts nothing", empty.clone(), Census::new(empty.at))?;
    let (outbox, inbox, sagas) =
        (store.parts().has(Part::Outbox), store.parts().has(Part::Inbox), store.parts().has(Part::Sagas));
    let mut moments = Vec::new();
    for round in 0..2_u64 {
        moments.push(store.now().await?);
        if outbox {
            stage(&*store, &[lone(10 + round)]).await?;
            kill_next(&*store, u128::from(round) + 1, "unroutable", lease).await?;
        }
        if inbox {
            let mut tx = store.begin().await?;
            tx.inbox_bury(&entry(10 + round), &received(10 + round, "key"), "poison").await?;
            tx.commit().await?;
        }
        if sagas {
            for (number, status) in (1..).zip(SagaStatus::ALL) {
                let number = 10 * u128::from(round) + number;
                create(&*store, &new_saga(number, lease)).await?;
                write(&*store, &SagaAppend { status, ..append(number, 1, 0, Duration::ZERO) }).await?;
            }
        }
        subject.advance(subject.unit()).await;
    }
    if outbox {
        stage(&*store, &[lone(2)]).await?;
        stage(&*store, &[lone(1)]).await?;
    }
    let census = store.census().await?;
    let old = |promise: &str, tally: &Tally| {
        expect_eq(promise, tally.count, 2)?;
        let (from, to) = (moments[0], moments[1]);
        let first = tally.oldest.is_some_and(|oldest| from <= oldest && oldest < to);
        expect(&format!("{promise}, and knows the oldest"), first, || format!("{tally:?}, the first since {from}"))
    };
    if outbox {
        expect_eq("a census counts rows that are pending", census.outbox_pending.count, 2)?;
        let oldest = census.outbox_pending.oldest;
        expect_eq("a census knows the time of the first message that waits", oldest, Some(lone(2).time))?;
        old("a census counts rows that are dead", &census.outbox_dead)?;
    }
    if inbox {
        expect_eq("a census counts dead letters by consumer", census.dead_letters.len(), 1)?;
        old("a census counts dead letters", census.dead_letters.get(CONSUMER).unwrap_or(&Tally::default()))?;
    }
    if sagas {
        for status in SagaStatus::ALL {
            let tally = census.sagas.get(&status).copied().unwrap_or_default();
            let promise = format!("a census counts sagas that are {}", status.name());
            if status.is_terminal() {
                expect_eq(&promise, tally, Tally { count: 2, oldest: None })?;
            } else {
                old(&promise, &tally)?;
            }
        }
    }
    let now = store.now().await?;
    expect("a census is of its moment", moments[1] < census.at && census.at <= now, || {
        format!("{}, not {now}", census.at)
    })?;
    Ok(CheckVerdict::Held)
}

/// The subject's `advance` moves what the store calls now.
pub async fn the_clock_of_the_store_advances(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let before = store.now().await?;
    subject.advance(subject.unit()).await;
    let passed = store.now().await?.since(before);
    expect("the store's clock advances as the subject says", passed >= subject.unit(), || format!("by {passed:?}"))?;
    Ok(CheckVerdict::Held)
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
    Ok(CheckVerdict::Held)
}

/// A store that is opened again while its clock is set back goes on from its latest commit, to a second, so that a lease ends in its
/// time; one whose clock is behind that by more than a day believes the clock, and holds nothing until the time of before comes.
pub async fn time_goes_on_where_a_store_is_opened_again(subject: &dyn StoreSubject) -> Outcome {
    let (hour, second) = (Duration::from_secs(3_600), Duration::from_secs(1));
    let lease = subject.unit() * 10;
    let store = subject.fresh().await;
    stage(&*store, &[lone(1)]).await?;
    expect_eq("a row that is due is claimed", store.claim(&claim(1, 9, lease)).await?.len(), 1)?;
    let before = store.now().await?;
    let Some(store) = subject.reopened(store, hour).await else {
        return Ok(CheckVerdict::NotApplicable("the subject opens no store again"));
    };
    let promise = "a store's time does not go back where its clock is set back over a restart";
    let after = store.now().await?;
    expect(promise, after + second >= before, || format!("{after} after {before}"))?;
    subject.advance(lease + second).await;
    expect_eq("a lease ends in its time over a restart", store.claim(&claim(2, 9, hour)).await?.len(), 1)?;

    let before = store.now().await?;
    let Some(store) = subject.reopened(store, SteadyTime::BEHIND_MAX + hour).await else {
        return Ok(CheckVerdict::NotApplicable("the subject opens a store again only once"));
    };
    let promise = "a clock that is behind by more than a day is believed";
    let after = store.now().await?;
    expect(promise, before.since(after) > SteadyTime::BEHIND_MAX, || format!("{after} after {before}"))?;
    let promise = "a lease by a clock that was ahead by more than a day is over";
    expect_eq(promise, store.claim(&claim(3, 9, lease)).await?.len(), 1)?;
    Ok(CheckVerdict::Held)
}
