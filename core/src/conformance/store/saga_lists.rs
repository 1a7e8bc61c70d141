//! Lists of sagas: page by page, some of them, and since when they are what they are.

use std::time::Duration;

use super::sagas::{create, write};
use crate::{
    conformance::{
        BrokenPromise, CheckVerdict, Outcome, StoreSubject,
        outcome::{expect, expect_eq},
        samples::{append, definition, new_saga, saga_id, signal},
    },
    ports::{ListedSaga, NewSaga, SagaAppend, SagaListRequest, SagaStatus, Store, StoreError, Timestamp},
};

/// Numbers of the sagas of a list.
fn numbers(listed: &[ListedSaga]) -> Vec<u128> {
    listed.iter().map(|listed| listed.saga.id.0.as_u128() - saga_id(0).0.as_u128()).collect()
}

/// Creates a saga of each status, and one more that is running, each a unit later than the one before; each third one is of
/// another definition. Returns the moments between them.
async fn one_of_each(subject: &dyn StoreSubject, store: &dyn Store) -> Result<Vec<Timestamp>, StoreError> {
    let lease = subject.unit() * 5;
    let mut moments = Vec::new();
    for (number, status) in (1..).zip(SagaStatus::ALL.into_iter().chain([SagaStatus::Running])) {
        let mut new = new_saga(number, lease);
        if number % 3 == 0 {
            new = NewSaga { definition: definition("refund"), ..new };
        }
        create(store, &new).await?;
        write(store, &SagaAppend { status, ..append(number, 1, 0, lease) }).await?;
        moments.push(store.now().await?);
        subject.advance(subject.unit()).await;
    }
    Ok(moments)
}

/// A list by reason has those sagas whose outcome says it, as it was kept last, in any status that has one, and counts no other
/// against its limit.
pub async fn sagas_are_listed_by_the_reason_for_which_they_rest(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    let rests = [
        (SagaStatus::Stuck, r#"{"stuck":{"reason":"the \"courier\" is down"}}"#),
        (SagaStatus::Stuck, r#"{"stuck":{"reason":"no such account"}}"#),
        (SagaStatus::Abandoned, r#"{"abandoned":{"reason":"the courier is gone for good"}}"#),
        (SagaStatus::Compensated, r#"{"compensated":{"cause":"rejected","reason":"step `ship`: no courier"}}"#),
        (SagaStatus::Completed, r#"{"completed":{"result":{"by":"courier"}}}"#),
        // Kept by another release when it was stuck; it has been abandoned since.
        (SagaStatus::Abandoned, r#"{"stuck":{"reason":"the courier is down"}}"#),
    ];
    for (number, (status, outcome)) in (1..).zip(rests) {
        create(&*store, &new_saga(number, lease)).await?;
        let outcome = Some(outcome.as_bytes().to_vec().into());
        write(&*store, &SagaAppend { status, outcome, ..append(number, 1, 0, lease) }).await?;
    }
    create(&*store, &new_saga(7, lease)).await?;
    let couriers = SagaListRequest::new(9).because("courier");
    let places: Vec<u64> = store.sagas(&couriers).await?.iter().map(|listed| listed.number).collect();
    let second = SagaListRequest { limit: 1, ..couriers.clone() }.after(places.first().copied().unwrap_or(0));
    let cases: [(&str, SagaListRequest, Vec<u128>); 6] = [
        ("a reason, in any status", couriers.clone(), vec![1, 3, 4]),
        ("a reason with quotes", SagaListRequest::new(9).because(r#""courier" is"#), vec![1]),
        ("a reason and a status", couriers.clone().of_status(SagaStatus::Stuck), vec![1]),
        ("a reason, in pages", second, vec![3]),
        ("a reason that none has", SagaListRequest::new(9).because("weather"), vec![]),
        ("a status, whatever the reason", SagaListRequest::new(9).of_status(SagaStatus::Stuck), vec![1, 2]),
    ];
    for (asked, request, expected) in cases {
        let promise = format!("a list has what is asked for: {asked}");
        expect_eq(&promise, numbers(&store.sagas(&request).await?), expected)?;
    }
    Ok(CheckVerdict::Held)
}

/// Pages follow each other without a gap, in the order in which sagas were created; and each filter leaves out what it says.
pub async fn sagas_are_listed_page_by_page_and_some_of_them(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let moments = one_of_each(subject, &*store).await?;
    let first = store.sagas(&SagaListRequest::new(3)).await?;
    expect_eq("a page holds as many sagas as asked for", numbers(&first), vec![1, 2, 3])?;
    let places = first.iter().map(|listed| listed.number).collect::<Vec<_>>();
    let rising = places[0] > 0 && places.is_sorted_by(|one, next| one < next);
    expect("the places of sagas rise from one", rising, || format!("{places:?}"))?;
    for (number, status) in (1..).zip(SagaStatus::ALL) {
        let expected = if status == SagaStatus::Running { vec![1, 7] } else { vec![number] };
        let promise = format!("a list has what is asked for: sagas that are {}", status.name());
        expect_eq(&promise, numbers(&store.sagas(&SagaListRequest::new(9).of_status(status)).await?), expected)?;
    }
    let all = SagaListRequest::new(9);
    let active = all.clone().of_status(SagaStatus::Compensating).of_status(SagaStatus::Running);
    let cases: [(&str, SagaListRequest, Vec<u128>); 8] = [
        ("behind a place", all.clone().after(places[2]), vec![4, 5, 6, 7]),
        ("any of some statuses, in one order", active.clone(), vec![1, 2, 7]),
        ("some statuses, in pages", SagaListRequest { limit: 1, ..active.clone() }.after(places[0]), vec![2]),
        ("a status that is named twice", active.of_status(SagaStatus::Running).after(places[1]), vec![7]),
        ("a definition", all.clone().of_definition("refund"), vec![3, 6]),
        ("a definition and a status", all.clone().of_definition("refund").of_status(SagaStatus::Stuck), vec![3]),
        ("since then or earlier", all.clone().since_until(moments[1]), vec![1, 2]),
        ("since then or later", all.since_from(moments[2] + Duration::from_micros(1)), vec![4, 5, 6, 7]),
    ];
    for (asked, request, expected) in cases {
        let promise = format!("a list has what is asked for: {asked}");
        expect_eq(&promise, numbers(&store.sagas(&request).await?), expected)?;
    }
    Ok(CheckVerdict::Held)
}

/// A list shows a saga as it is stored, when it was created, and when it got its status; an append that leaves the status
/// alone leaves that moment alone, too.
pub async fn a_list_says_since_when_a_saga_is_what_it_is(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    let created = store.now().await?;
    create(&*store, &new_saga(1, lease)).await?;
    let statuses = [SagaStatus::Running, SagaStatus::Stuck, SagaStatus::Stuck, SagaStatus::Running];
    for (length, status) in (0..).zip(statuses) {
        subject.advance(subject.unit()).await;
        let changed = store.now().await?;
        let before = store.sagas(&SagaListRequest::new(1)).await?.pop();
        write(&*store, &SagaAppend { status, ..append(1, 1, length, lease) }).await?;
        let (Some(before), Some(listed)) = (before, store.sagas(&SagaListRequest::new(1)).await?.pop()) else {
            return Err(BrokenPromise::new("a list has the sagas that are there", "none of them"));
        };
        expect_eq("a list shows a saga as it is stored", Some(&listed.saga), store.saga(saga_id(1)).await?.as_ref())?;
        let since_then = created <= listed.started_at && listed.started_at < changed;
        expect("a list says when a saga was created", since_then, || format!("{}, not {created}", listed.started_at))?;
        let promise = "a list says since when a saga has its status";
        if before.saga.status == status {
            expect_eq(promise, listed.since, before.since)?;
        } else {
            expect(promise, changed <= listed.since, || format!("{}, not {changed}", listed.since))?;
        }
    }
    Ok(CheckVerdict::Held)
}

/// Those that sleep are under way, owned by nobody and not due: until their moment, or for ever, unless a signal comes.
pub async fn sagas_that_sleep_are_listed_apart(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let (unit, none) = (subject.unit(), Duration::ZERO);
    let (running, compensating) = (SagaStatus::Running, SagaStatus::Compensating);
    let rests = [
        (running, unit * 8, none),
        (running, none, unit * 2),
        (compensating, none, unit * 8),
        (running, none, Duration::MAX),
        (running, none, none),
        (SagaStatus::Stuck, none, unit * 8),
        (SagaStatus::Completed, none, unit * 8),
    ];
    for (number, (status, lease, sleep)) in (1..).zip(rests) {
        create(&*store, &new_saga(number, unit)).await?;
        write(&*store, &SagaAppend { status, sleep, ..append(number, 1, 0, lease) }).await?;
    }
    let asleep = SagaListRequest::new(9).asleep();
    let promise = "a list of sagas that sleep has those that nobody owns and that are not due";
    expect_eq(promise, numbers(&store.sagas(&asleep).await?), vec![2, 3, 4])?;
    subject.advance(unit * 3).await;
    expect_eq(promise, numbers(&store.sagas(&asleep).await?), vec![3, 4])?;
    expect_eq(promise, numbers(&store.sagas(&asleep.clone().of_status(running)).await?), vec![4])?;
    expect_eq(promise, numbers(&store.sagas(&asleep.clone().of_status(SagaStatus::Stuck)).await?), vec![])?;
    let mut tx = store.begin().await?;
    tx.saga_signal(&signal(4)).await?;
    tx.commit().await?;
    expect_eq("a saga that got a signal sleeps no more", numbers(&store.sagas(&asleep).await?), vec![3])?;
    Ok(CheckVerdict::Held)
}
