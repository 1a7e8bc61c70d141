//! An event that nobody can read is parked as a poison event is: visibly, and before its stream alone.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rusqlite::Connection;
use seaworthy_core::{
    inbox::{self, HandlerError},
    ports::{DeadLetter, DeadLetterRequest, connection},
};

use crate::support::{
    Kind, World,
    events::{append, journal, subscriber, write_down, writing},
    inbox::Scripted,
    on,
    warnings::Warnings,
};

/// Damage that an event may have, and how it is mended.
const DAMAGES: [(&str, &str, &str); 3] = [
    ("a type that is no UTF-8", "type = CAST(x'ff' AS TEXT)", "type = 'account.credited'"),
    ("headers that are no JSON", "headers = '{'", "headers = NULL"),
    ("a correlation that is no UUID", "correlation_id = 'order-7'", "correlation_id = id"),
];

/// Changes the second event, against the trigger that keeps statements from it.
async fn change(world: &World, how: &str) {
    change_at(world, 2, how).await;
}

async fn change_at(world: &World, sequence: u64, how: &str) {
    let mut tx = world.ports.store.begin().await.expect("up");
    let raw: &mut Connection = connection(&mut *tx).await.expect("sqlite");
    let statement = format!("UPDATE seaworthy_events SET {how} WHERE sequence = {sequence}");
    raw.execute_batch(&format!("DROP TRIGGER IF EXISTS seaworthy_events_immutable; {statement}")).expect("statements");
    tx.commit().await.expect("up");
}

#[test]
fn an_event_that_can_not_be_read_is_parked_with_its_reason_and_holds_up_its_stream_alone() {
    for (damage, breaks, mends) in DAMAGES {
        println!("{damage}");
        for mended in [true, false] {
            on(Kind::Sqlite, async |world| {
                let (store, handler) = (world.store(), writing("reader"));
                append(&**store, "account-1", 1..=3).await;
                append(&**store, "account-2", 4..=5).await;
                change(world, breaks).await;
                let heard = Warnings::listen();
                let reader = subscriber(&world.ports, "reader", &handler, |config| config);
                world.ports.spawn("reader", reader.clone().run());
                world.pass(Duration::from_secs(10)).await;
                assert_eq!(journal(&**store, "reader").await, [1, 4, 5], "the other stream goes on");
                let parked = world.parked("reader").await;
                assert_eq!(parked.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [2, 3]);
                assert!(parked[0].1.contains("the event can't be read: "), "{parked:?}");
                assert!(parked[1].1.starts_with("waits behind "), "{parked:?}");
                assert!(heard.lines().iter().any(|line| line.contains("event is parked")), "{:?}", heard.lines());

                let unread = reader.letters(9).because("can't be read");
                let again = reader.redrive(&unread).await.expect("up");
                assert_eq!((again.handled.len(), again.failed.len()), (0, 1), "as it was, it is parked again");
                assert_eq!(handler.runs("event-2"), 0, "no handler is given what is shown of it");
                if mended {
                    change(world, mends).await;
                    let again = reader.redrive(&unread).await.expect("up");
                    assert_eq!((again.handled.len(), again.failed.len()), (1, 0), "it is read again");
                } else {
                    assert_eq!(inbox::discard(&**store, &unread).await.expect("up").len(), 1);
                }
                world.pass(Duration::from_secs(10)).await;
                let rest: &[u64] = if mended { &[1, 4, 5, 2, 3] } else { &[1, 4, 5, 3] };
                assert_eq!((&*journal(&**store, "reader").await, world.parked("reader").await), (rest, vec![]));
            });
        }
    }
}

/// Its turn comes once what is parked before it is done: by then it is what it was, and no handler is given it.
#[test]
fn an_event_that_can_not_be_read_and_waits_behind_one_that_is_parked_is_not_handled_by_what_is_shown_of_it() {
    on(Kind::Sqlite, async |world| {
        let (store, handler) = (world.store(), writing("reader"));
        append(&**store, "account-1", 1..=4).await;
        for sequence in [2, 3] {
            change_at(world, sequence, "headers = '{'").await;
        }
        let reader = subscriber(&world.ports, "reader", &handler, |config| config);
        world.ports.spawn("reader", reader.clone().run());
        world.pass(Duration::from_secs(10)).await;
        change_at(world, 2, "headers = NULL").await;
        reader.redrive(&reader.letters(9)).await.expect("up");
        world.pass(Duration::from_secs(10)).await;
        assert_eq!((journal(&**store, "reader").await, handler.runs("event-3")), (vec![1, 2], 0));
        let parked = world.parked("reader").await;
        assert_eq!(parked.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [3, 4]);
        assert!(parked[0].1.contains("the event can't be read: "), "{parked:?}");
        change_at(world, 3, "headers = NULL").await;
        reader.redrive(&reader.letters(9)).await.expect("up");
        world.pass(Duration::from_secs(10)).await;
        assert_eq!((journal(&**store, "reader").await, world.parked("reader").await), (vec![1, 2, 3, 4], vec![]));
    });
}

/// Whoever has no handler for its type has nothing to do with it.
#[test]
fn an_event_that_can_not_be_read_and_is_nobodys_business_is_passed_over() {
    on(Kind::Sqlite, async |world| {
        let store = world.store();
        append(&**store, "account-1", 1..=3).await;
        change(world, "headers = '{', type = 'account.renamed'").await;
        let reader = subscriber(&world.ports, "reader", &writing("reader"), |config| config);
        assert_eq!(reader.catch_up().await, Ok(3));
        assert_eq!((journal(&**store, "reader").await, world.parked("reader").await), (vec![1, 3], vec![]));
    });
}

/// A handler that refuses the first event until it is repaired.
fn refuses_the_first() -> (Scripted, Arc<AtomicBool>) {
    let is_repaired = Arc::new(AtomicBool::new(false));
    let repaired = is_repaired.clone();
    let handler = Scripted::new(move |tx, message| {
        let refuses = message.subject == "event-1" && !repaired.load(Ordering::Relaxed);
        Box::pin(async move {
            if refuses { Err(HandlerError::Refused("closed".into())) } else { write_down(tx, "reader", message).await }
        })
    });
    (handler, is_repaired)
}

async fn change_letter(world: &World, event: &str, how: &str) {
    let mut tx = world.ports.store.begin().await.expect("up");
    let raw: &mut Connection = connection(&mut *tx).await.expect("sqlite");
    let statement = format!("UPDATE seaworthy_dead_letters SET {how} WHERE aggregateid = '{event}'");
    assert_eq!(raw.execute(&statement, []).expect("a statement"), 1);
    tx.commit().await.expect("up");
}

/// What is shown of it is not the event: it is handled by nobody, and kept as it is for whoever mends it.
#[test]
fn a_parked_event_whose_letter_can_not_be_read_is_neither_handled_nor_written_anew_when_it_is_asked_for() {
    on(Kind::Sqlite, async |world| {
        let store = world.store();
        let (handler, is_repaired) = refuses_the_first();
        let reader = subscriber(&world.ports, "reader", &handler, |config| config);
        world.ports.spawn("reader", reader.clone().run());
        append(&**store, "account-1", 1..=1).await;
        world.pass(Duration::from_secs(10)).await;
        let before = the_letter(world).await;
        is_repaired.store(true, Ordering::Relaxed);
        change_letter(world, "event-1", "headers = '{', asked_at = 1").await;
        world.pass(Duration::from_secs(10)).await;
        let again = reader.redrive(&reader.letters(9)).await.expect("up");
        assert_eq!((again.handled.len(), again.failed.len(), handler.runs("event-1")), (0, 1, 1));
        let after = the_letter(world).await;
        assert!(after.unreadable.is_some(), "{after:?}");
        assert_eq!((after.failures, after.failed_at), (before.failures, before.failed_at));
        change_letter(world, "event-1", "headers = NULL").await;
        world.pass(Duration::from_secs(10)).await;
        assert_eq!(journal(&**store, "reader").await, [1], "it was asked for");
    });
}

async fn the_letter(world: &World) -> DeadLetter {
    let mut letters = world.store().dead_letters(&DeadLetterRequest::new("reader", 9)).await.expect("up");
    assert_eq!(letters.len(), 1, "{letters:?}");
    letters.remove(0)
}

#[test]
fn an_event_that_waits_in_a_letter_that_can_not_be_read_is_not_handled_when_its_turn_comes() {
    on(Kind::Sqlite, async |world| {
        let store = world.store();
        let (handler, _) = refuses_the_first();
        let reader = subscriber(&world.ports, "reader", &handler, |config| config);
        world.ports.spawn("reader", reader.clone().run());
        append(&**store, "account-1", 1..=3).await;
        world.pass(Duration::from_secs(10)).await;
        assert_eq!(world.parked("reader").await.len(), 3);
        change_letter(world, "event-2", "headers = '{'").await;
        let poison = reader.letters(9).because("closed");
        assert_eq!(inbox::discard(&**store, &poison).await.expect("up").len(), 1);
        world.pass(Duration::from_secs(10)).await;
        assert_eq!((handler.runs("event-2"), world.parked("reader").await.len()), (0, 2));
        assert_eq!(inbox::discard(&**store, &reader.letters(1)).await.expect("up").len(), 1);
        world.pass(Duration::from_secs(10)).await;
        assert_eq!((journal(&**store, "reader").await, world.parked("reader").await), (vec![3], vec![]));
    });
}
