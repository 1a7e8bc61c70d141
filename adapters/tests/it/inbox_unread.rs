//! A dead letter that nobody can read is listed as such, can be dropped, and stands in nobody's way.

use std::time::Duration;

use rusqlite::{Connection, params};
use seaworthy_core::{
    inbox::{self, HandlerError},
    ports::{DeadLetter, DeadLetterRequest, InboxEntry, Timestamp, connection},
};

use crate::support::{
    Kind, World,
    inbox::{SHOP, Scripted, order},
    on, rows,
    warnings::Warnings,
};

/// Damage that a letter may have: on the disk, or by a statement of somebody's own.
const DAMAGES: [(&str, &str); 4] = [
    ("an id that is no UUID", "id = 'order-2'"),
    ("a text that is no UTF-8", "type = CAST(x'ff' AS TEXT)"),
    ("headers that are no JSON", "headers = '{'"),
    ("a reason that is no UTF-8", "reason = CAST(x'ff' AS TEXT)"),
];

async fn sql(world: &World, statement: &str) {
    let mut tx = world.ports.store.begin().await.expect("up");
    let raw: &mut Connection = connection(&mut *tx).await.expect("sqlite");
    assert_eq!(raw.execute(statement, params![]).expect("a statement"), 1);
    tx.commit().await.expect("up");
}

fn subjects(letters: &[DeadLetter]) -> Vec<&str> {
    letters.iter().map(|letter| &*letter.message.subject).collect()
}

#[test]
fn a_letter_that_can_not_be_read_is_listed_and_discarded_and_the_others_are_redriven() {
    for (damage, change) in DAMAGES {
        println!("{damage}");
        on(Kind::Sqlite, async |world| {
            let handler = Scripted::new(|tx, _| {
                Box::pin(async {
                    match tx.get("mended", "it").await?.is_some() {
                        true => Ok(()),
                        false => Err(HandlerError::Refused("broken".into())),
                    }
                })
            });
            world.publish((1..=3).map(order)).await;
            let consumer = handler.consumer(&world.ports, |config| config);
            world.ports.spawn("consumer", consumer.clone().run());
            world.pass(Duration::from_secs(10)).await;
            sql(world, &format!("UPDATE seaworthy_dead_letters SET {change} WHERE aggregateid = 'order-2'")).await;
            let letters = world.letters().await;
            assert_eq!(subjects(&letters), ["order-1", "order-2", "order-3"]);
            let told: Vec<bool> = letters.iter().map(|letter| letter.unreadable.is_some()).collect();
            assert_eq!(told, [false, true, false]);

            // What is asked for is what can be handled.
            let store = &*world.ports.store;
            let asked = inbox::ask_redrive(store, &consumer.letters(9)).await.expect("up");
            assert_eq!(asked, [letters[0].message.id, letters[2].message.id]);
            let next = consumer.letters(1).after(letters[0].number);
            assert_eq!(
                inbox::ask_redrive(store, &next).await.expect("up"),
                [letters[2].message.id],
                "it takes no place"
            );
            let heard = Warnings::listen();
            let again = consumer.redrive(&consumer.letters(9)).await.expect("a list, whatever is in the letters");
            assert_eq!((again.handled.len(), again.failed.len()), (0, 3));
            let unread = again.failed.iter().find(|(id, _)| *id == letters[1].message.id).expect("named");
            assert!(unread.1.contains("can't be read") && unread.1.contains("discard it"), "{}", unread.1);
            assert!(heard.lines().iter().any(|line| line.contains("can't be read")), "{:?}", heard.lines());
            assert_eq!(handler.runs("order-2"), 1, "it is not handled by what is shown of it");

            let mut tx = store.begin().await.expect("up");
            tx.put("mended", "it", seaworthy_core::ports::Expected::Absent, "yes".into()).await.expect("up");
            tx.commit().await.expect("up");
            assert_eq!(consumer.redrive(&consumer.letters(9)).await.expect("up").handled.len(), 2);
            assert_eq!(subjects(&world.letters().await), ["order-2"]);
            let gone = inbox::discard(store, &consumer.letters(9)).await.expect("up");
            assert_eq!((gone, world.letters().await), (vec![letters[1].message.id], vec![]));
            // Its message is seen, as that of any letter that was discarded.
            world.publish([order(2)]).await;
            world.pass(Duration::from_secs(10)).await;
            assert_eq!((handler.runs("order-2"), world.unacknowledged()), (1, 0));
            let census = store.census().await.expect("up");
            assert_eq!(census.dead_letters.get(SHOP), None);
        });
    }
}

#[test]
fn letters_that_can_not_be_read_take_no_place_of_those_that_are_asked_for() {
    on(Kind::Sqlite, async |world| {
        let store = &*world.ports.store;
        let mut tx = store.begin().await.expect("up");
        for number in 1..=3 {
            let letter = rows::message(number, "");
            tx.inbox_bury(&InboxEntry::for_message(SHOP, &letter), &letter, "poison").await.expect("up");
        }
        tx.commit().await.expect("up");
        let of = |limit| DeadLetterRequest::new(SHOP, limit);
        assert_eq!(store.ask_redrive(&of(9)).await.expect("up").len(), 3);
        for number in [1, 2] {
            sql(world, &format!("UPDATE seaworthy_dead_letters SET headers = '{{' WHERE number = {number}")).await;
        }
        let asked = store.dead_letters(&of(1).asked()).await.expect("up");
        assert_eq!(asked.iter().map(|letter| letter.message.id).collect::<Vec<_>>(), [rows::message(3, "").id]);
    });
}

/// An operator decides by it whether to mend the letter or to drop it.
#[test]
fn a_letter_that_can_not_be_read_is_shown_with_its_failures_and_times() {
    on(Kind::Sqlite, async |world| {
        let store = &*world.ports.store;
        let letter = rows::message(1, "");
        let entry = InboxEntry::for_message(SHOP, &letter);
        world.pass(Duration::from_secs(1)).await;
        let mut tx = store.begin().await.expect("up");
        assert_eq!(tx.inbox_failed(&entry, "poison").await, Ok(1));
        tx.inbox_bury(&entry, &letter, "poison").await.expect("up");
        tx.commit().await.expect("up");
        world.pass(Duration::from_secs(1)).await;
        let of = DeadLetterRequest::new(SHOP, 9);
        store.ask_redrive(&of).await.expect("up");
        let shown = |letters: Vec<DeadLetter>| {
            let [letter] = &letters[..] else { panic!("{letters:?}") };
            (letter.reason.clone(), letter.failures, letter.failed_at, letter.asked_at, letter.unreadable.is_some())
        };
        let (reason, failures, failed_at, asked_at, _) = shown(store.dead_letters(&of).await.expect("up"));
        assert!(failures > 0 && failed_at > Timestamp::EPOCH && asked_at > Some(failed_at), "{failures} {failed_at:?}");
        sql(world, "UPDATE seaworthy_dead_letters SET headers = '{'").await;
        let after = shown(store.dead_letters(&of).await.expect("up"));
        assert_eq!(after, (reason, failures, failed_at, asked_at, true));
    });
}
