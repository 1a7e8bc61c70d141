//! Tools of operators: functions that call a store once and have no limit of their own. Whoever has one drops them, wherever the store
//! does not answer, and asks again.

use std::sync::Arc;

use futures_util::future::{Either, select};
use seaworthy_core::{
    inbox::{self, HandlerError},
    outbox::{self, Relay},
    ports::{
        DeadLetterRequest, DeadRowRequest, Operation, PublishError, SagaListRequest, SagaStatus, Store, Timestamp,
    },
    saga::{self, Asked, RetryPolicy, SagaBuilder, SagaRequest, Verb, WaitsFor, saga_id},
    stop::Stop,
};

use super::{LIMIT, SECOND};
use crate::support::{
    World,
    calls::{Calls, Fate},
    inbox::{SHOP, Scripted, order},
    on_each_store,
    saga::{Does, Part},
};

/// Has each of these operations hang once, gives the call up after its time, makes it again on a store that answers, and has its result
/// judged.
fn is_given_up_and_made_again<T>(
    hanging: &[Operation],
    prepare: impl AsyncFn(&World),
    call: impl AsyncFn(&dyn Store) -> T,
    is_right: impl AsyncFn(&World, T) -> bool,
) {
    for hangs in hanging.iter().copied() {
        println!("{} hangs", hangs.name()); // Shown with a failure.
        on_each_store(async |world| {
            prepare(world).await;
            let (calls, ports) =
                Calls::before(&world.ports, move |called, _| if called == hangs { Fate::Hangs } else { Fate::Well });
            let given_up = {
                let first = std::pin::pin!(call(&*ports.store));
                matches!(select(first, ports.clock.limit(LIMIT)).await, Either::Right(_))
            };
            assert!(given_up && calls.times(hangs).len() == 1, "it does not wait for this call");
            let again = call(&*world.ports.store).await;
            assert!(is_right(world, again).await);
        });
    }
}

/// A saga that its only step has made stuck, for good.
async fn one_is_stuck(world: &World) {
    let once = RetryPolicy::default().attempts_max(Some(1));
    let trip = SagaBuilder::new("trip", 1).retriable("pay", Part::local(|_| Does::Fail)).step_retry(once);
    world.sagas(trip.build().expect("one step")).start("trip", "t-1", &1_u32).await.expect("up");
    world.pass(SECOND).await;
    world.ports.stop.set();
    world.pass(SECOND).await;
    assert_eq!(world.status_of(saga_id("trip", "t-1")).await, SagaStatus::Stuck);
}

#[test]
fn whoever_asks_for_a_verb() {
    is_given_up_and_made_again(
        &[Operation::Saga, Operation::SagaLog, Operation::Begin, Operation::SagaAppend, Operation::Commit],
        one_is_stuck,
        async |store| saga::ask(store, saga_id("trip", "t-1"), &SagaRequest::new(Verb::Resume, "ops")).await,
        async |world, asked| {
            let log = world.log_of(saga_id("trip", "t-1")).await;
            asked == Ok(Asked::Written) && log.iter().filter(|entry| *entry == "requested").count() == 1
        },
    );
}

#[test]
fn whoever_resumes_all_that_is_stuck() {
    is_given_up_and_made_again(
        &[Operation::Sagas, Operation::Commit],
        one_is_stuck,
        async |store| saga::resume_stuck(store, &SagaListRequest::new(10), "ops").await,
        async |_, resumed| resumed == Ok(vec![saga_id("trip", "t-1")]),
    );
}

#[test]
fn whoever_reads_what_a_saga_waits_for() {
    is_given_up_and_made_again(
        &[Operation::Saga, Operation::SagaLog],
        one_is_stuck,
        async |store| {
            let foreseen = saga::foresee(store, saga_id("trip", "t-1"), &SagaRequest::new(Verb::Resume, "ops")).await;
            (foreseen, saga::account(store, saga_id("trip", "t-1")).await)
        },
        async |_, (foreseen, account)| {
            let waits_for = account.expect("it is there").waits_for;
            foreseen == Ok(Asked::Written) && matches!(waits_for, WaitsFor::Operator { .. })
        },
    );
}

/// Two messages that their consumer has refused.
async fn two_are_dead_letters(world: &World) {
    let (refuses, stop) =
        (Scripted::new(|_, _| Box::pin(async { Err(HandlerError::Refused("closed".into())) })), Stop::new());
    world.publish([order(1), order(2)]).await;
    world.ports.spawn("consumer", refuses.consumer(&world.ports, |config| config).stop(stop.clone()).run());
    world.pass(SECOND).await;
    stop.set();
    world.pass(SECOND).await;
    assert_eq!(world.letters().await.len(), 2);
}

#[test]
fn whoever_discards_dead_letters() {
    is_given_up_and_made_again(
        &[Operation::DeadLetters, Operation::Begin, Operation::InboxExhume, Operation::Commit],
        two_are_dead_letters,
        async |store| inbox::discard(store, &DeadLetterRequest::new(SHOP, 10)).await,
        async |world, discarded| discarded == Ok(vec![order(1).id, order(2).id]) && world.letters().await.is_empty(),
    );
}

#[test]
fn whoever_asks_for_dead_letters_to_be_handled_again() {
    is_given_up_and_made_again(
        &[Operation::AskRedrive],
        two_are_dead_letters,
        async |store| inbox::ask_redrive(store, &DeadLetterRequest::new(SHOP, 10)).await,
        async |_, asked| asked == Ok(vec![order(1).id, order(2).id]),
    );
}

/// Two rows that the broker has refused, or taken.
async fn two_are_settled(world: &World, is_refused: bool) {
    world.broker.says(move |_, _| if is_refused { Err(PublishError::Refused("no".into())) } else { Ok(()) });
    world.stage([order(1), order(2)].map(|message| seaworthy_core::message::Message { sequence: 0, ..message })).await;
    let stop = Stop::new();
    world.ports.spawn("relay", Relay::new(&world.ports).stop(stop.clone()).run());
    world.pass(SECOND).await;
    stop.set();
    world.pass(SECOND).await;
    assert_eq!(world.ports.store.backlog().await.expect("up").outbox_dead, if is_refused { 2 } else { 0 });
}

#[test]
fn whoever_redrives_dead_rows() {
    is_given_up_and_made_again(
        &[Operation::Now, Operation::DeadRows, Operation::Redrive],
        async |world| two_are_settled(world, true).await,
        async |store| outbox::redrive(store, &DeadRowRequest::new(10)).await,
        async |world, redriven| redriven == Ok(2) && unsettled(&world.ports.store).await == 2,
    );
}

#[test]
fn whoever_discards_dead_rows() {
    is_given_up_and_made_again(
        &[Operation::DeadRows, Operation::PurgeDead],
        async |world| two_are_settled(world, true).await,
        async |store| outbox::discard(store, &DeadRowRequest::new(10)).await.map(|discarded| discarded.len()),
        async |world, discarded| discarded == Ok(2) && unsettled(&world.ports.store).await == 0,
    );
}

#[test]
fn whoever_publishes_once_more() {
    is_given_up_and_made_again(
        &[Operation::Now, Operation::Republish],
        async |world| two_are_settled(world, false).await,
        async |store| outbox::republish_since(store, Timestamp::EPOCH).await,
        async |world, pending| pending == Ok(2) && unsettled(&world.ports.store).await == 2,
    );
}

async fn unsettled(store: &Arc<dyn Store>) -> u64 {
    store.backlog().await.expect("up").outbox_unsettled
}
