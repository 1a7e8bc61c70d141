//! A row that nobody can read is dead, with the reason, and stands in nobody's way.

use std::{sync::Arc, time::Duration};

use rusqlite::{Connection, params};
use seaworthy_core::{
    outbox::{LogRelay, Relay, discard, redrive},
    ports::{DeadRowRequest, Ports, connection},
};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};

use crate::support::{Kind, World, clock::VirtualClock, in_virtual_time, messages::message, warnings::Warnings};

/// Damage that a row may have: by whom it was written, or on the disk.
const DAMAGES: [(&str, &str); 5] = [
    (
        "an id that is no UUID, as the Debezium event router lets others write",
        "UPDATE seaworthy_outbox SET id = '01ARZ3NDEKTSV4RRFFQ69G5FAV'",
    ),
    ("a text that is no UTF-8", "UPDATE seaworthy_outbox SET type = CAST(x'ff' AS TEXT)"),
    ("a topic that is no UTF-8", "UPDATE seaworthy_outbox SET aggregatetype = CAST(x'ff' AS TEXT)"),
    ("headers that are no JSON", "UPDATE seaworthy_outbox SET headers = '{'"),
    ("a correlation that is no UUID", "UPDATE seaworthy_outbox SET correlation_id = 'order-7'"),
];

fn with_each_relay(test: impl AsyncFn(&World, fn(&Ports))) {
    let claims: fn(&Ports) = |ports| ports.spawn("relay", Relay::new(ports).run());
    let tails: fn(&Ports) = |ports| ports.spawn("relay", LogRelay::new(ports, "log").run());
    for relay in [claims, tails] {
        in_virtual_time(async {
            let clock = Arc::new(VirtualClock::new());
            let store = SqliteStore::open_in_memory(clock.clone(), SqliteConfig::simulation()).expect("in memory");
            test(&World::on(Kind::Sqlite, Arc::new(store), clock), relay).await;
        });
    }
}

async fn sql(world: &World, statement: &str) {
    let mut tx = world.ports.store.begin().await.expect("up");
    let raw: &mut Connection = connection(&mut *tx).await.expect("sqlite");
    raw.execute(statement, params![]).expect("a statement");
    tx.commit().await.expect("up");
}

#[test]
fn a_row_that_can_not_be_read_is_dead_with_its_reason_and_stops_nobody() {
    for (damage, statement) in DAMAGES {
        println!("{damage}");
        with_each_relay(async |world, relay| {
            let heard = Warnings::listen();
            world.stage([message("orders", 0)]).await;
            sql(world, statement).await;
            world.stage((1..11).map(|number| message("orders", number))).await;
            relay(&world.ports);
            world.pass(Duration::from_secs(5)).await;
            assert_eq!(world.broker.accepted_of("orders"), 10);
            let dead =
                world.ports.store.dead_rows(&DeadRowRequest::new(10)).await.expect("a list, whatever is in the rows");
            assert_eq!(dead.len(), 1);
            assert!(dead[0].reason.contains("can't be read"), "{}", dead[0].reason);
            // What can be read of it is shown, and a text as well as it can be.
            let found = &dead[0].row.message;
            let as_staged = |place: &str, text: &'static str| if damage.contains(place) { "\u{fffd}" } else { text };
            assert_eq!((found.subject.as_str(), found.partition_key.as_str()), ("orders-0", "orders-0"));
            assert_eq!(found.kind, as_staged("a text that", "order.confirmed"));
            assert_eq!(found.topic, as_staged("a topic that", "orders"));
            assert!(heard.lines().iter().any(|line| line.contains("can't be read")), "{:#?}", heard.lines());
            assert_eq!(world.ports.store.backlog().await.expect("up").outbox_unsettled, 0);
        });
    }
}

#[test]
fn an_operator_can_mend_such_a_row_and_redrive_it_or_delete_it() {
    for mended in [true, false] {
        with_each_relay(async |world, relay| {
            world.stage([message("orders", 0)]).await;
            sql(world, "UPDATE seaworthy_outbox SET id = 'order-7'").await;
            relay(&world.ports);
            world.pass(Duration::from_secs(5)).await;
            assert_eq!(redrive(&*world.ports.store, &DeadRowRequest::new(usize::MAX)).await.expect("up"), 1);
            world.pass(Duration::from_secs(5)).await;
            assert_eq!(
                world.ports.store.dead_rows(&DeadRowRequest::new(10)).await.expect("up").len(),
                1,
                "as it was, it is dead again"
            );
            if mended {
                sql(world, "UPDATE seaworthy_outbox SET id = '00000000-0000-0000-0000-000000000007'").await;
                assert_eq!(redrive(&*world.ports.store, &DeadRowRequest::new(usize::MAX)).await.expect("up"), 1);
                world.pass(Duration::from_secs(5)).await;
                assert_eq!(world.broker.accepted_of("orders"), 1);
            } else {
                assert_eq!(discard(&*world.ports.store, &DeadRowRequest::new(usize::MAX)).await.expect("up").len(), 1);
            }
            assert_eq!(world.ports.store.dead_rows(&DeadRowRequest::new(10)).await.expect("up"), []);
        });
    }
}

/// Its key goes on as behind any dead row.
#[test]
fn the_key_of_such_a_row_waits_for_it() {
    use crate::support::messages::of_key;
    with_each_relay(async |world, relay| {
        world.stage([of_key("orders", "a", 0), of_key("orders", "a", 1)]).await;
        sql(world, "UPDATE seaworthy_outbox SET id = 'order-7' WHERE sequence = 1").await;
        relay(&world.ports);
        world.pass(Duration::from_secs(5)).await;
        assert_eq!(world.broker.accepted_of("orders"), 0);
        discard(&*world.ports.store, &DeadRowRequest::new(usize::MAX)).await.expect("up");
        world.pass(Duration::from_secs(5)).await;
        assert_eq!(world.broker.accepted_of("orders"), 1);
    });
}
