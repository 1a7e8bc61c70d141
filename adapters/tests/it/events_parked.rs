//! An event that fails each time is parked with its reason, and blocks its stream alone.

use std::time::Duration;

use seaworthy_core::{
    events::WhenParked,
    inbox::{self, HandlerError},
    ports::{DeadLetterRequest, Operation},
};

use crate::support::{
    Kind, World,
    calls::{Calls, Fate},
    events::{append, journal, subscriber, write_down},
    inbox::Scripted,
    on, on_each_store,
    warnings::Warnings,
};

/// A handler that can't do one event until a moment.
fn poisoned(world: &World, subject: &'static str, how: fn() -> HandlerError) -> (Scripted, Duration) {
    let (clock, repaired) = (world.ports.clock.clone(), Duration::from_secs(3_600));
    let until = clock.now() + repaired;
    let handler = Scripted::new(move |tx, message| {
        let is_broken = message.subject == subject && clock.now() < until;
        Box::pin(async move { if is_broken { Err(how()) } else { write_down(tx, "reader", message).await } })
    });
    (handler, repaired)
}

fn unavailable() -> HandlerError {
    HandlerError::Unavailable("no such account".into())
}

#[test]
fn a_poison_event_is_parked_with_its_reason_and_blocks_only_its_stream_until_it_is_redriven() {
    on_each_store(async |world| {
        let store = world.store();
        let (handler, repaired) = poisoned(world, "event-2", unavailable);
        let reader = subscriber(&world.ports, "reader", &handler, |config| config);
        let heard = Warnings::listen();
        world.ports.spawn("reader", reader.clone().run());
        append(&**store, "account-1", 1..=4).await;
        append(&**store, "account-2", 5..=6).await;
        append(&**store, "account-1", 7..=7).await;
        world.pass(Duration::from_secs(30)).await;
        assert_eq!(journal(&**store, "reader").await, [1, 5, 6], "the other stream goes on");
        assert_eq!(handler.runs("event-2"), 5);
        let parked = world.parked("reader").await;
        assert_eq!(parked.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [2, 3, 4, 7]);
        assert_eq!(parked[0].1, "no such account");
        assert!(parked[1..].iter().all(|(_, reason)| reason.starts_with("waits behind ")), "{parked:?}");
        assert!(heard.lines().iter().any(|line| line.contains("event is parked")), "{:?}", heard.lines());

        let all = reader.letters(9);
        let again = reader.redrive(&all).await.expect("a store that is up");
        assert_eq!((again.handled.len(), again.failed.len()), (0, 4), "still broken");
        assert_eq!(world.parked("reader").await, parked, "in the same order, for the same reasons");
        world.pass(repaired).await;
        // The second one only: what waits behind it comes by itself.
        let poison = reader.letters(9).because("no such account");
        assert_eq!(reader.redrive(&poison).await.expect("a store that is up").handled.len(), 1);
        append(&**store, "account-1", 8..=8).await;
        world.pass(Duration::from_secs(5)).await;
        assert_eq!(journal(&**store, "reader").await, [1, 5, 6, 2, 3, 4, 7, 8]);
        assert_eq!(world.parked("reader").await, []);
    });
}

/// Its letter has all of it: only one that could not be read is looked for in the log again.
#[test]
fn an_event_that_could_be_read_is_redriven_without_a_look_at_the_log() {
    on_each_store(async |world| {
        let (calls, ports) = Calls::before(&world.ports, |_, _| Fate::Well);
        let (handler, _) = poisoned(world, "event-1", || HandlerError::Refused("closed".into()));
        let reader = subscriber(&ports, "reader", &handler, |config| config);
        append(&**world.store(), "account-1", 1..=1).await;
        reader.catch_up().await.expect("up");
        let read = calls.times(Operation::ReadEvents).len();
        assert_eq!(reader.redrive(&reader.letters(9)).await.expect("up").failed.len(), 1);
        assert_eq!((handler.runs("event-1"), calls.times(Operation::ReadEvents).len()), (2, read));
    });
}

#[test]
fn what_waits_behind_a_parked_event_is_not_redriven_before_it() {
    on_each_store(async |world| {
        let store = world.store();
        let (handler, _) = poisoned(world, "event-1", || HandlerError::Refused("closed".into()));
        let reader = subscriber(&world.ports, "reader", &handler, |config| config);
        append(&**store, "account-1", 1..=2).await;
        reader.catch_up().await.expect("a store that is up");
        assert_eq!(handler.runs("event-1"), 1, "what is refused is parked at once");
        let waiting = reader.letters(9).because("waits behind");
        let redriven = reader.redrive(&waiting).await.expect("a store that is up");
        assert_eq!((redriven.handled.len(), redriven.failed.len()), (0, 1), "{redriven:?}");
        assert_eq!(journal(&**store, "reader").await, [0; 0]);
        let others = reader.redrive(&DeadLetterRequest::new("somebody", 9)).await;
        assert!(others.expect_err("not its own").to_string().contains("letters of somebody"));
    });
}

#[test]
fn a_parked_event_that_is_discarded_lets_its_stream_go_on() {
    on_each_store(async |world| {
        let store = world.store();
        let (handler, _) = poisoned(world, "event-1", unavailable);
        let reader = subscriber(&world.ports, "reader", &handler, |config| config);
        world.ports.spawn("reader", reader.clone().run());
        append(&**store, "account-1", 1..=3).await;
        world.pass(Duration::from_secs(10)).await;
        assert_eq!(world.parked("reader").await.len(), 3);
        let poison = reader.letters(9).because("no such account");
        assert_eq!(inbox::discard(&**store, &poison).await.expect("a store that is up").len(), 1);
        world.pass(Duration::from_secs(5)).await;
        append(&**store, "account-1", 4..=4).await;
        world.pass(Duration::from_secs(5)).await;
        assert_eq!((journal(&**store, "reader").await, world.parked("reader").await), (vec![2, 3, 4], vec![]));
    });
}

#[test]
fn by_choice_a_parked_event_blocks_its_subscriber() {
    on_each_store(async |world| {
        let store = world.store();
        let (handler, _) = poisoned(world, "event-2", unavailable);
        let whole = |config: seaworthy_core::events::SubscriberConfig| config.when_parked(WhenParked::BlockSubscriber);
        let reader = subscriber(&world.ports, "reader", &handler, whole);
        world.ports.spawn("reader", reader.clone().run());
        append(&**store, "account-1", 1..=2).await;
        append(&**store, "account-2", 3..=3).await;
        world.pass(Duration::from_secs(30)).await;
        assert_eq!((journal(&**store, "reader").await, world.parked("reader").await.len()), (vec![1], 1));
        inbox::discard(&**store, &reader.letters(1)).await.expect("a store that is up");
        world.pass(Duration::from_secs(5)).await;
        assert_eq!(journal(&**store, "reader").await, [1, 3]);
    });
}

#[test]
fn a_panic_and_a_handler_that_hangs_are_failures_of_the_event_and_the_subscriber_goes_on() {
    let panics: fn() -> HandlerError = || panic!("the count is odd");
    on_each_store(async |world| {
        let store = world.store();
        let (handler, _) = poisoned(world, "event-1", panics);
        world.ports.spawn("reader", subscriber(&world.ports, "reader", &handler, |config| config).run());
        append(&**store, "account-1", 1..=1).await;
        append(&**store, "account-2", 2..=2).await;
        world.pass(Duration::from_secs(30)).await;
        assert_eq!(journal(&**store, "reader").await, [2]);
        assert_eq!(world.parked("reader").await, [(1, "panicked: the count is odd".to_owned())]);
    });
    on_each_store(async |world| {
        let store = world.store();
        let handler = Scripted::new(|tx, message| {
            let hangs = message.subject == "event-1";
            Box::pin(async move {
                if hangs { std::future::pending().await } else { write_down(tx, "reader", message).await }
            })
        });
        world.ports.spawn("reader", subscriber(&world.ports, "reader", &handler, |config| config).run());
        append(&**store, "account-1", 1..=1).await;
        append(&**store, "account-2", 2..=2).await;
        world.pass(Duration::from_secs(120)).await;
        assert_eq!(journal(&**store, "reader").await, [2]);
        let parked = world.parked("reader").await;
        assert!(parked.len() == 1 && parked[0].1.contains("not done within 10s"), "{parked:?}");
    });
}

#[test]
fn an_event_that_had_waited_and_fails_for_the_moment_is_tried_again_by_itself() {
    on(Kind::Memory, async |world| {
        let store = world.store();
        let failures = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
        let count = failures.clone();
        let handler = Scripted::new(move |tx, message| {
            let fails = match &*message.subject {
                "event-1" => true,
                "event-2" => count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 2,
                _ => false,
            };
            Box::pin(async move { if fails { Err(unavailable()) } else { write_down(tx, "reader", message).await } })
        });
        let reader = subscriber(&world.ports, "reader", &handler, |config| config);
        world.ports.spawn("reader", reader.clone().run());
        append(&**store, "account-1", 1..=3).await;
        world.pass(Duration::from_secs(10)).await;
        inbox::discard(&**store, &reader.letters(9).because("no such account")).await.expect("a store that is up");
        world.pass(Duration::from_secs(10)).await;
        assert_eq!((journal(&**store, "reader").await, handler.runs("event-2")), (vec![2, 3], 3));
    });
}
