//! What has waited behind a parked event goes on with the same care as what comes from the log.

use std::time::Duration;

use seaworthy_core::{
    inbox::{self, HandlerError, Handlers},
    ports::{GivenUp, InboxPurgeRequest, Ports, StoreError, TakesUp},
};
use seaworthy_tokio::TokioSpawner;
use tokio::{runtime::Handle, sync::mpsc};

use crate::support::{
    World,
    events::{append, event, journal, subscriber, write_down},
    inbox::Scripted,
    on_each_store,
};

const HOUR: Duration = Duration::from_secs(3_600);

/// A handler that refuses the first event, fails the second one in some way, and writes down the others.
fn failing(how: fn() -> HandlerError) -> Scripted {
    Scripted::new(move |tx, message| {
        Box::pin(async move {
            match message.subject.as_str() {
                "event-1" => Err(HandlerError::Refused("closed".into())),
                "event-2" => Err(how()),
                _ => write_down(tx, "reader", message).await,
            }
        })
    })
}

/// Drops the event that everything waits behind.
async fn discard_first(world: &World) {
    let letters = seaworthy_core::ports::DeadLetterRequest::new("reader", 9).because("closed");
    assert_eq!(inbox::discard(&**world.store(), &letters).await.expect("a store that is up").len(), 1);
}

#[test]
fn an_event_that_meets_a_conflict_each_time_is_parked_for_good_and_the_other_streams_go_on() {
    on_each_store(async |world| {
        let store = world.store();
        let handler = failing(|| HandlerError::Store(StoreError::Conflict("somebody else has it".into())));
        world.ports.spawn("reader", subscriber(&world.ports, "reader", &handler, |config| config).run());
        append(&**store, "account-1", 1..=2).await;
        append(&**store, "account-2", 3..=3).await;
        world.pass(Duration::from_secs(10)).await;
        discard_first(world).await;
        world.pass(Duration::from_secs(600)).await;
        assert_eq!(world.parked("reader").await, [(2, "conflict: somebody else has it".to_owned())]);
        assert_eq!(handler.runs("event-2"), 40, "ten failures, each of them the last of four tries");
        append(&**store, "account-2", 4..=4).await;
        world.pass(Duration::from_secs(5)).await;
        assert_eq!(journal(&**store, "reader").await, [3, 4]);
    });
}

#[test]
fn an_event_that_is_postponed_is_left_for_as_long_as_its_handler_says() {
    on_each_store(async |world| {
        let store = world.store();
        let hour = Duration::from_secs(3_600);
        let handler =
            failing(|| HandlerError::Postponed { after: Duration::from_secs(3_600), why: "before its hour".into() });
        world.ports.spawn("reader", subscriber(&world.ports, "reader", &handler, |config| config).run());
        append(&**store, "account-1", 1..=3).await;
        append(&**store, "account-2", 4..=4).await;
        world.pass(Duration::from_secs(10)).await;
        discard_first(world).await;
        world.pass(hour / 2).await;
        assert_eq!((handler.runs("event-2"), journal(&**store, "reader").await), (1, vec![4]));
        append(&**store, "account-2", 5..=5).await;
        world.pass(Duration::from_secs(5)).await;
        assert_eq!(journal(&**store, "reader").await, [4, 5], "nobody else waits for it");
        world.pass(hour * 11).await;
        assert_eq!(handler.runs("event-2"), 10);
        assert_eq!(world.parked("reader").await[0], (2, "not yet: before its hour".to_owned()));
    });
}

#[test]
fn an_event_that_ends_its_process_is_parked_for_good_and_holds_no_other_stream_up() {
    on_each_store(async |world| {
        let store = world.store();
        let (die, mut dies) = mpsc::channel(1);
        let handler = Scripted::new(move |tx, message| {
            let die = die.clone();
            Box::pin(async move {
                match message.subject.as_str() {
                    "event-1" => return Err(HandlerError::Refused("closed".into())),
                    "event-2" => {
                        die.send(()).await.expect("somebody looks after the process");
                        std::future::pending::<()>().await;
                    }
                    _ => {}
                }
                write_down(tx, "reader", message).await
            })
        });
        let reader = subscriber(&world.ports, "reader", &handler, |config| config);
        append(&**store, "account-1", 1..=2).await;
        reader.catch_up().await.expect("a store that is up");
        append(&**store, "account-2", 3..=3).await;
        discard_first(world).await;
        let mut deaths = 0;
        loop {
            let tasks = TokioSpawner::on(Handle::current());
            let ports = Ports { spawner: std::sync::Arc::new(tasks.clone()), ..world.ports.clone() };
            ports.spawn("reader", subscriber(&ports, "reader", &handler, |config| config).run());
            if tokio::time::timeout(Duration::from_secs(60), dies.recv()).await.is_err() {
                break;
            }
            deaths += 1;
            tasks.abort();
            let _ = tasks.join().await;
            assert!(deaths < 20, "it is counted each time");
        }
        // As often as the store may fail.
        assert_eq!(deaths, 10);
        assert_eq!(journal(&**store, "reader").await, [3]);
        let parked = world.parked("reader").await;
        assert!(parked.len() == 1 && parked[0].1.starts_with("its handling comes to no end"), "{parked:?}");
    });
}

#[test]
fn an_event_without_a_handler_stays_parked_for_a_release_that_has_one() {
    on_each_store(async |world| {
        let store = world.store();
        let handler = failing(|| HandlerError::Refused("closed, too".into()));
        append(&**store, "account-1", 1..=3).await;
        subscriber(&world.ports, "reader", &handler, |config| config).catch_up().await.expect("a store that is up");
        let older = Handlers::builder().ignore("account.opened").build().expect("one type");
        let older = seaworthy_core::events::Subscriber::new(&world.ports, "reader", older);
        let redriven = older.redrive(&older.letters(9).because("closed")).await.expect("a store that is up");
        assert_eq!((redriven.handled.len(), redriven.failed.len()), (0, 1), "{redriven:?}");
        assert!(redriven.failed[0].1.contains("no handler for events of type account.credited"), "{redriven:?}");
        inbox::discard(&**store, &older.letters(1).because("no handler")).await.expect("a store that is up");
        older.catch_up().await.expect("a store that is up");
        assert_eq!(world.parked("reader").await.len(), 2, "what waits is not taken for handled");
    });
}

#[test]
fn an_event_that_has_failed_and_is_handled_leaves_a_row_that_is_purged_in_time() {
    on_each_store(async |world| {
        let store = world.store();
        let failed = std::sync::atomic::AtomicUsize::new(0);
        let handler = Scripted::new(move |tx, message| {
            let fails = message.subject == "event-2" && failed.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 2;
            Box::pin(async move {
                match fails {
                    true => Err(HandlerError::Unavailable("not this time".into())),
                    false => write_down(tx, "reader", message).await,
                }
            })
        });
        append(&**store, "account-1", 1..=3).await;
        subscriber(&world.ports, "reader", &handler, |config| config).catch_up().await.expect("a store that is up");
        assert_eq!(journal(&**store, "reader").await, [1, 2, 3]);
        world.pass(Duration::from_secs(60)).await;
        let old = InboxPurgeRequest::new(Duration::from_secs(1), 9);
        let purged = store.purge_inbox("reader", &old).await.expect("a store that is up");
        assert_eq!(purged, 2, "the first one after a start, and the one that had failed");
        world.pass(Duration::from_secs(60)).await;
        let old = old.watermarks_older_than(Duration::from_secs(1));
        let purged = store.purge_inbox("reader", &old).await.expect("a store that is up");
        assert_eq!(purged, 0, "the checkpoint says what was handled, and nothing is left of what failed");
    });
}

/// A start counts its first event before it is handled, and no other: of those the letter says why they failed.
#[test]
fn an_event_that_waited_and_fails_after_another_has_gone_through_is_kept_with_its_own_reason() {
    on_each_store(async |world| {
        let store = world.store();
        let handler = Scripted::new(|tx, message| {
            Box::pin(async move {
                match message.subject.as_str() {
                    "event-1" => Err(HandlerError::Refused("closed".into())),
                    "event-3" => Err(HandlerError::Postponed { after: HOUR, why: "before its hour".into() }),
                    _ => write_down(tx, "reader", message).await,
                }
            })
        });
        let reader = subscriber(&world.ports, "reader", &handler, |config| config);
        append(&**store, "account-1", 1..=4).await;
        reader.catch_up().await.expect("a store that is up");
        discard_first(world).await;
        world.ports.spawn("reader", subscriber(&world.ports, "reader", &handler, |config| config).run());
        world.pass(Duration::from_secs(10)).await;
        assert_eq!((journal(&**store, "reader").await, handler.runs("event-3")), (vec![2], 1));
        let parked = world.parked("reader").await;
        assert!(parked[0].0 == 3 && parked[0].1.ends_with("not yet: before its hour"), "{parked:?}");
    });
}

/// The pause was that event's own.
#[test]
fn what_waits_behind_an_event_that_is_left_for_an_hour_goes_on_as_soon_as_that_is_discarded() {
    on_each_store(async |world| {
        let store = world.store();
        let handler = failing(|| HandlerError::Postponed { after: HOUR, why: "before its hour".into() });
        let reader = subscriber(&world.ports, "reader", &handler, |config| config);
        world.ports.spawn("reader", reader.clone().run());
        append(&**store, "account-1", 1..=3).await;
        world.pass(Duration::from_secs(10)).await;
        discard_first(world).await;
        world.pass(Duration::from_secs(10)).await;
        let postponed = reader.letters(9).because("before its hour");
        assert_eq!(inbox::discard(&**store, &postponed).await.expect("a store that is up").len(), 1);
        world.pass(Duration::from_secs(10)).await;
        assert_eq!((journal(&**store, "reader").await, world.parked("reader").await), (vec![3], vec![]));
    });
}

/// What a simulated operator does, one event at a time: for whom it is, and what came of it, is the store's to tell.
#[tokio::test]
async fn a_subscriber_takes_up_its_own_parked_events_and_nobody_elses() {
    let clock = std::sync::Arc::new(crate::support::clock::VirtualClock::new());
    let store = std::sync::Arc::new(seaworthy_memory::store::MemoryStore::new(clock.clone()));
    let world = World::on(crate::support::Kind::Memory, store, clock);
    let repaired = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_repaired = repaired.clone();
    let handler = Scripted::new(move |tx, message| {
        let works = is_repaired.load(std::sync::atomic::Ordering::Relaxed);
        Box::pin(async move {
            match works {
                true => write_down(tx, "reader", message).await,
                false => Err(HandlerError::Refused("closed".into())),
            }
        })
    });
    let reader = subscriber(&world.ports, "reader", &handler, |config| config);
    append(&**world.store(), "account-1", 1..=1).await;
    reader.catch_up().await.expect("a store that is up");
    repaired.store(true, std::sync::atomic::Ordering::Relaxed);
    let message = event(1).id;
    let of = |consumer: &str| GivenUp::Message { consumer: consumer.into(), message };
    assert!(!reader.take_up(&of("writer")).await && !world.parked("reader").await.is_empty());
    assert!(reader.take_up(&of("reader")).await && world.parked("reader").await.is_empty());
    assert_eq!(journal(&**world.store(), "reader").await, [1]);
}
