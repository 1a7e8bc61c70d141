//! Attempts at a message that come to nothing, or of which nobody knows whether they did, and what is left of them for the next one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use seaworthy_core::{
    backoff::Backoff,
    inbox::ConsumerConfig,
    outbox::{Relay, RelayConfig},
    ports::{Clock as _, FailureKind, InboxEntry, Operation, StoreError, SubscriptionSpec},
    wake::Wake,
};

use crate::support::{
    World,
    calls::{Calls, Fate},
    inbox::{SHOP, Scripted, order},
    messages::message,
    on_each_store,
};

const SECOND: Duration = Duration::from_secs(1);

/// A handler that leaves work for after its commit: how often it is done.
fn leaves_work() -> (Scripted, Arc<AtomicUsize>) {
    let done = Arc::new(AtomicUsize::new(0));
    let counted = done.clone();
    let handler = Scripted::new(move |tx, _| {
        let counted = counted.clone();
        tx.after_commit(Box::new(move || _ = counted.fetch_add(1, Ordering::SeqCst)));
        Box::pin(async { Ok(()) })
    });
    (handler, done)
}

/// The commits of a consumer whose first three end so, and the work that was done after them.
async fn work_done(world: &World, fate: Fate) -> (usize, usize) {
    let script = move |operation, number| match (operation, number) {
        (Operation::Commit, 1..=3) => fate,
        _ => Fate::Well,
    };
    let (_, ports) = Calls::before(&world.ports, script);
    let (handler, done) = leaves_work();
    world.publish([order(1)]).await;
    ports.spawn(SHOP, handler.consumer(&ports, |config| config).run());
    world.pass(60 * SECOND).await;
    assert_eq!((world.unacknowledged(), world.letters().await.len()), (0, 0));
    (handler.runs("order-1"), done.load(Ordering::SeqCst))
}

#[test]
fn work_for_after_a_commit_is_done_once_however_often_it_was_left() {
    on_each_store(async |world| assert_eq!(work_done(world, Fate::Fails(FailureKind::Conflict)).await, (4, 1)));
    // Nobody knows whether it was done, and it was not.
    on_each_store(async |world| assert_eq!(work_done(world, Fate::Fails(FailureKind::Unknown)).await, (4, 1)));
    // Nor here, where it was.
    on_each_store(async |world| assert_eq!(work_done(world, Fate::Lost).await, (1, 1)));
}

/// The attempt that finds the message handled by somebody else has nothing to do for what its own forerunner has not committed.
#[test]
fn work_of_an_attempt_that_somebody_else_has_forestalled_is_not_done() {
    let conflict = || StoreError::Conflict("another was first".into());
    for fails_by_itself in [false, true] {
        on_each_store(async |world| {
            let script = move |operation, number| match (operation, number) {
                (Operation::Commit, 1) => Fate::Fails(FailureKind::Conflict),
                // Meanwhile another member of the group handles it.
                (Operation::Begin, 2) => Fate::Late(5 * SECOND),
                _ => Fate::Well,
            };
            let (_, ports) = Calls::before(&world.ports, script);
            let done = Arc::new(AtomicUsize::new(0));
            let counted = done.clone();
            let handler = Scripted::new(move |tx, _| {
                let counted = counted.clone();
                tx.after_commit(Box::new(move || _ = counted.fetch_add(1, Ordering::SeqCst)));
                Box::pin(async move { if fails_by_itself { Err(conflict().into()) } else { Ok(()) } })
            });
            world.publish([order(1)]).await;
            ports.spawn(SHOP, handler.consumer(&ports, |config| config).run());
            world.pass(SECOND).await;
            let mut tx = world.ports.store.begin().await.expect("a store that is up");
            tx.inbox_insert(&InboxEntry::for_message(SHOP, &order(1))).await.expect("a store that is up");
            tx.commit().await.expect("nobody was first");
            world.pass(60 * SECOND).await;
            assert_eq!((handler.runs("order-1"), world.unacknowledged(), world.letters().await.len()), (1, 0, 0));
            assert_eq!(done.load(Ordering::SeqCst), 0);
        });
    }
}

fn limits(config: ConsumerConfig) -> ConsumerConfig {
    // The broker hands out again after five seconds what nobody has acknowledged or extended.
    config.handler_limit(10 * SECOND).store_limit(4 * SECOND).extend(3 * SECOND)
}

/// What comes of a message within ten minutes where calls to the store end so: how often it was handled, and failed in a way that
/// counts, and reasons of dead letters.
async fn comes_to(
    world: &World,
    handler: &Scripted,
    fate: impl Fn(Operation, usize) -> Fate + Send + Sync + 'static,
) -> (usize, usize, Vec<String>) {
    let (calls, ports) = Calls::before(&world.ports, fate);
    world.publish([order(1)]).await;
    ports.spawn(SHOP, handler.consumer(&ports, limits).run());
    world.pass(600 * SECOND).await;
    assert_eq!(world.unacknowledged(), 0);
    let reasons = world.letters().await.into_iter().map(|letter| letter.reason.to_string()).collect();
    (handler.runs("order-1"), calls.times(Operation::InboxFailed).len(), reasons)
}

#[test]
fn a_store_in_which_nothing_begins_is_no_failure_of_a_message_and_one_that_does_not_answer_within_it_is() {
    on_each_store(async |world| {
        let fate = |operation, number| match (operation, number) {
            (Operation::Begin, 1) => Fate::Hangs,
            _ => Fate::Well,
        };
        assert_eq!(comes_to(world, &leaves_work().0, fate).await, (1, 0, vec![]));
    });
    on_each_store(async |world| {
        let fate = |operation, _| if operation == Operation::InboxInsert { Fate::Hangs } else { Fate::Well };
        let (runs, failures, reasons) = comes_to(world, &leaves_work().0, fate).await;
        assert!(
            runs == 0 && failures > 5 && reasons.len() == 1 && reasons[0].contains("the store has not answered"),
            "{reasons:?}"
        );
    });
}

/// It would refuse it again: that is the message's own doing, and counts as such.
#[test]
fn what_the_store_refuses_counts_as_a_failure_of_the_message() {
    on_each_store(async |world| {
        let refused = || StoreError::Refused("no such table".into());
        let handler = Scripted::new(move |_, _| Box::pin(async move { Err(refused().into()) }));
        world.publish([order(1)]).await;
        let consumer = handler.consumer(&world.ports, |config| config.max_failures(3).max_store_failures(7));
        world.ports.spawn(SHOP, consumer.run());
        world.pass(600 * SECOND).await;
        assert_eq!((handler.runs("order-1"), world.unacknowledged(), world.letters().await.len()), (3, 0, 1));
    });
}

#[test]
fn what_the_store_takes_is_not_taken_from_the_time_of_the_handler() {
    on_each_store(async |world| {
        let clock = world.clock.clone();
        let slow = Scripted::new(move |_, _| {
            let clock = clock.clone();
            Box::pin(async move {
                clock.sleep(9 * SECOND).await;
                Ok(())
            })
        });
        let fate = |operation, number| match (operation, number) {
            (Operation::Commit, 1) => Fate::Late(3 * SECOND),
            _ => Fate::Well,
        };
        assert_eq!(comes_to(world, &slow, fate).await, (1, 0, vec![]));
    });
}

#[test]
fn what_a_handler_stages_is_published_at_once_by_a_relay_that_would_look_in_a_minute() {
    on_each_store(async |world| {
        world.broker.behind().declare(&SubscriptionSpec { group: "others".into(), topics: vec!["others".into()] });
        let wake = Wake::new();
        let config = RelayConfig::default().poll(Backoff::new(60 * SECOND, 60 * SECOND));
        world.ports.spawn("relay", Relay::new(&world.ports).config(config).wake(wake.clone()).run());
        let tells = Scripted::new(|tx, _| Box::pin(async move { Ok(tx.stage(&message("others", 1)).await?) }));
        world.ports.spawn(SHOP, tells.consumer(&world.ports, |config| config).wake(wake).run());
        world.pass(5 * SECOND).await;
        world.publish([order(1)]).await;
        world.pass(SECOND).await;
        assert_eq!((tells.runs("order-1"), world.broker.behind().unacknowledged("others")), (1, 1));
    });
}
