//! How often a subscriber tries an event that fails, after which pauses, and what it does to those beside it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use seaworthy_core::{
    backoff::Backoff,
    events::SubscriberConfig,
    inbox::{self, HandlerError},
    ports::{DeadLetterRequest, StoreError, Timestamp},
};

use crate::support::{
    World,
    calls::{Calls, Fate, pauses},
    events::{append, journal, subscriber, write_down},
    inbox::Scripted,
    on_each_store,
    warnings::Warnings,
};

const BASE: Duration = Duration::from_millis(100);

fn config(config: SubscriberConfig) -> SubscriberConfig {
    let backoff = Backoff::new(BASE, Duration::from_secs(10));
    let config = config.max_failures(3).backoff(backoff).max_store_failures(2).store_backoff(backoff).store_retries(2);
    config.poll(Backoff::new(Duration::from_millis(1), Duration::from_millis(1)))
}

type How = fn() -> HandlerError;
type Moments = Arc<Mutex<Vec<Timestamp>>>;

/// A handler that fails one event each time, and keeps when.
fn failing(world: &World, subject: &'static str, how: How) -> (Scripted, Moments) {
    let (clock, moments) = (world.ports.clock.clone(), Moments::default());
    let kept = moments.clone();
    let handler = Scripted::new(move |tx, message| {
        let fails = message.subject == subject;
        if fails {
            kept.lock().expect("no panic with it in hand").push(clock.now());
        }
        Box::pin(async move {
            match message.subject.as_str() {
                _ if fails => Err(how()),
                "event-9" => Err(HandlerError::Refused("closed".into())),
                _ => write_down(tx, "reader", message).await,
            }
        })
    });
    (handler, moments)
}

fn unavailable() -> HandlerError {
    HandlerError::Unavailable("no such account".into())
}

fn conflict() -> HandlerError {
    HandlerError::Store(StoreError::Conflict("somebody else has it".into()))
}

fn between(moments: &Moments) -> Vec<u128> {
    pauses(&moments.lock().expect("no panic with it in hand"))
}

/// The first after a start is counted before it is handled, and has as many tries as any other. A conflict is tried again
/// at once, some times.
#[test]
fn an_event_has_so_many_tries_with_ever_longer_pauses_and_is_said_to_be_parked() {
    for subject in ["event-1", "event-2"] {
        for (how, expected) in [(unavailable as How, &[100, 200][..]), (conflict, &[0, 0, 100, 0, 0])] {
            on_each_store(async |world| {
                let heard = Warnings::listen();
                let (_, ports) = Calls::before(&world.ports, |_, _| Fate::Well);
                let (handler, moments) = failing(world, subject, how);
                append(&**world.store(), "account-1", 1..=2).await;
                subscriber(&ports, "reader", &handler, config).catch_up().await.expect("a store that is up");
                assert_eq!(between(&moments), expected, "{subject}");
                let said = heard.lines().iter().filter(|line| line.contains("event is parked: what comes")).count();
                assert_eq!(said, 1, "{:?}", heard.lines());
            });
        }
    }
}

/// It fails within a batch first, and then alone: nobody else is counted for it.
#[test]
fn an_event_that_fails_its_batch_is_found_among_the_others() {
    on_each_store(async |world| {
        let (handler, _) = failing(world, "event-6", unavailable);
        let numbers: Vec<_> = (1..=8).collect();
        for number in &numbers {
            append(&**world.store(), &format!("account-{number}"), [*number]).await;
        }
        let reader = subscriber(&world.ports, "reader", &handler, |given| config(given).batch(3));
        reader.catch_up().await.expect("a store that is up");
        let parked: Vec<_> = world.parked("reader").await.into_iter().map(|(number, _)| number).collect();
        assert_eq!((journal(&**world.store(), "reader").await, parked), (vec![1, 2, 3, 4, 5, 7, 8], vec![6]));
        let runs: Vec<_> = numbers.iter().map(|number| handler.runs(&format!("event-{number}"))).collect();
        assert_eq!(runs, [1, 1, 1, 2, 2, 4, 1, 1], "three one by one after the start, then three at once");
    });
}

/// Another that was parked stood before it.
#[test]
fn an_event_that_has_waited_is_tried_as_often_and_with_the_same_pauses() {
    on_each_store(async |world| {
        let (_, ports) = Calls::before(&world.ports, |_, _| Fate::Well);
        let (handler, moments) = failing(world, "event-10", unavailable);
        append(&**world.store(), "account-1", 9..=11).await;
        ports.spawn("reader", subscriber(&ports, "reader", &handler, config).run());
        world.pass(BASE).await;
        assert_eq!(handler.runs("event-10"), 0, "it waits");
        let closed = DeadLetterRequest::new("reader", 9).because("closed");
        assert_eq!(inbox::discard(&**world.store(), &closed).await.expect("a store that is up").len(), 1);
        world.pass(BASE * 10).await;
        let waited = between(&moments);
        let are_right = matches!(waited[..], [first, second] if first.abs_diff(100) < 5 && second.abs_diff(200) < 5);
        assert!(are_right, "{waited:?}");
        let parked: Vec<_> = world.parked("reader").await.into_iter().map(|(number, _)| number).collect();
        assert_eq!(parked, [10, 11]);
    });
}
