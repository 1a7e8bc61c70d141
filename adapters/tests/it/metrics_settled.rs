//! Whatever comes to its end is counted, by whichever relay, and how far a reader of a log has come.

use std::{sync::Arc, time::Duration};

use seaworthy_core::{
    metrics::metered,
    outbox::{LogRelay, RelayConfig},
    ports::{Operation, PublishError},
};

use crate::{
    metrics::Book,
    outbox_topics::with_each_relay,
    support::{
        calls::{Calls, Fate},
        events::{append, journal, subscriber, writing},
        messages::{message, of_key},
        on_each_store,
    },
};

#[test]
fn either_relay_tells_what_became_of_its_rows() {
    with_each_relay(async |world, kind| {
        let book = Arc::new(Book::default());
        let ports = metered(world.ports.clone(), book.clone());
        world.stage([message("a", 1), message("a", 2), message("a", 3), message("b", 1)]).await;
        world.broker.says(|message, _| match message.topic == "b" {
            true => Err(PublishError::Refused("too large".into())),
            false => Ok(()),
        });
        // The first rows of a relay of the log are settled one by one, and all others together.
        kind.run(&ports, RelayConfig::default().batch(2));
        world.pass(Duration::from_secs(5)).await;
        world.stage((4..10).map(|number| message("a", number))).await;
        world.pass(Duration::from_secs(5)).await;
        assert_eq!((book.count("Settled dispatched"), book.count("Settled dead")), (9, 1), "{kind:?}");
        assert_eq!(book.count("ClaimsLost"), 0);
    });
}

/// Two relays tail one log, as they should not: what the other one has settled is no longer this one's to settle.
#[test]
fn rows_that_another_relay_of_the_log_has_settled_are_lost() {
    on_each_store(async |world| {
        let book = Arc::new(Book::default());
        // The commit of what it has published takes so long that the other one is faster.
        let (_, ports) = Calls::before(&world.ports, |operation, number| match (operation, number) {
            (Operation::OutboxDispatched, 1) => Fate::Hangs,
            _ => Fate::Well,
        });
        let ports = metered(ports, book.clone());
        world.stage([of_key("orders", "order-1", 1)]).await;
        let config = RelayConfig::default().store_limit(Duration::from_secs(2));
        ports.spawn("slow", LogRelay::new(&ports, "slow").config(config).run());
        world.pass(Duration::from_secs(1)).await;
        world.ports.spawn("quick", LogRelay::new(&world.ports, "quick").run());
        world.pass(Duration::from_secs(10)).await;
        assert_eq!((book.count("Settled dispatched"), book.count("ClaimsLost")), (0, 1));
    });
}

#[test]
fn events_are_counted_once_they_are_appended_and_a_reader_tells_how_far_it_has_come() {
    on_each_store(async |world| {
        let book = Arc::new(Book::default());
        let ports = metered(world.ports.clone(), book.clone());
        append(&*ports.store, "account-1", 1..=3).await;
        let mut dropped = ports.store.begin().await.expect("up");
        dropped.set_checkpoint("never", 7).await.expect("up");
        drop(dropped);
        let handler = writing("reader");
        ports.spawn("reader", subscriber(&ports, "reader", &handler, |config| config).run());
        world.pass(Duration::from_secs(5)).await;
        assert_eq!(journal(&**world.store(), "reader").await, [1, 2, 3]);
        assert_eq!(book.count("EventsAppended"), 3);
        let stands = ports.store.begin().await.expect("up").checkpoint("reader").await.expect("up");
        assert_eq!(book.value("Reached reader"), stands.map(|position| position as f64));
        assert_eq!(book.value("Reached never"), None, "it was rolled back");
    });
}
