//! A producer whose counters run a second time, or in no order, loses no message at its consumers.

use std::{path::Path, sync::Arc, time::Duration};

use seaworthy_core::{
    inbox::InboxRetention,
    message::Message,
    outbox::{Relay, RelayConfig},
    ports::{Clock, DeadRowRequest, OutboxOrder, Ports, PublishError, Store, StoreError, SubscriptionSpec, WhenDead},
    stop::Stop,
};
use seaworthy_redb::{RedbConfig, RedbStore};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};

use crate::support::{
    Kind, World,
    inbox::{SHOP, Scripted, of_key, order},
    on, on_each_store,
    warnings::Warnings,
};

const KEEP: Duration = Duration::from_secs(60);

/// Forgets what the consumer has handled so far.
async fn forget(world: &World) {
    world.pass(KEEP + Duration::from_secs(1)).await;
    let retention = InboxRetention::new(KEEP, Duration::from_secs(30)).expect("longer than the broker's");
    retention.sweep(SHOP, &*world.ports.store, &Stop::new()).await.expect("up");
}

/// Stages messages in a store of a producer's own, beside the consumer's, and relays them for a moment.
async fn produce(world: &World, store: &Arc<dyn Store>, messages: impl IntoIterator<Item = Message>) {
    let producer = Ports { store: store.clone(), ..world.replica(7) };
    let mut tx = store.begin().await.expect("up");
    for message in messages {
        tx.stage(&Message { sequence: 0, ..message }).await.expect("up");
    }
    tx.commit().await.expect("up");
    producer.spawn("relay", Relay::new(&producer).run());
    world.pass(Duration::from_secs(2)).await;
    producer.stop.set();
}

fn a_store(world: &World) -> Arc<dyn Store> {
    world.kind.in_memory(world.clock.clone())
}

fn ten(from: u64) -> impl Iterator<Item = Message> {
    (from..from + 10).map(|number| of_key("one key", order(number)))
}

fn consume(world: &World) -> Scripted {
    let handler = Scripted::new(|_, _| Box::pin(async { Ok(()) }));
    world.broker.behind().declare(&SubscriptionSpec { group: SHOP.into(), topics: vec![SHOP.into()] });
    world.ports.spawn("consumer", handler.consumer(&world.ports, |config| config).run());
    handler
}

#[test]
fn a_producer_that_is_set_up_anew_or_has_a_twin_of_its_name_loses_nothing() {
    on_each_store(async |world| {
        let handler = consume(world);
        produce(world, &a_store(world), ten(1)).await;
        forget(world).await;
        // The same source, with a store that counts from one.
        produce(world, &a_store(world), ten(101)).await;
        assert_eq!(handler.subjects(), 20);
    });
}

#[test]
fn a_producer_whose_file_was_put_back_from_a_copy_loses_nothing_once_it_has_begun_an_epoch() {
    put_back(
        |path, clock| SqliteStore::open(path, clock, SqliteConfig::default()).expect("a database"),
        async |store| store.begin_epoch().await,
    );
}

#[test]
fn a_producer_whose_redb_file_was_put_back_loses_nothing_once_it_has_begun_an_epoch() {
    put_back(
        |path, clock| RedbStore::open(path, clock, RedbConfig::default()).expect("a database"),
        async |store| store.begin_epoch().await,
    );
}

/// A file is copied, is worked on, is put back, and begins an epoch, or not.
fn put_back<S: Store + Clone + 'static>(
    open: impl Fn(&Path, Arc<dyn Clock>) -> S,
    begin_epoch: impl AsyncFn(&S) -> Result<u64, StoreError>,
) {
    on(Kind::Memory, async |world| {
        let handler = consume(world);
        let folder = tempfile::tempdir().expect("a folder");
        let (path, copy) = (folder.path().join("db"), folder.path().join("copy"));
        let open = || open(&path, world.clock.clone());
        drop(open());
        std::fs::copy(&path, &copy).expect("a copy");
        let store: Arc<dyn Store> = Arc::new(open());
        produce(world, &store, ten(1)).await;
        forget(world).await;
        drop(store);
        world.pass(Duration::from_secs(1)).await;
        for left in ["db-wal", "db-shm"] {
            let _ = std::fs::remove_file(folder.path().join(left));
        }
        std::fs::copy(&copy, &path).expect("the copy");
        let restored = open();

        // Unless it says that it was put back, a watermark alone decides, and that is said.
        let heard = Warnings::listen();
        let store: Arc<dyn Store> = Arc::new(restored.clone());
        produce(world, &store, ten(101).take(3)).await;
        assert_eq!(handler.subjects(), 10);
        let said = heard.lines();
        let taken = said.iter().filter(|line| line.contains("taken for a duplicate") && line.contains("source=orders"));
        assert_eq!(taken.count(), 3, "{said:#?}");

        assert_eq!(store.backlog().await.expect("up").outbox_unsettled, 0);
        begin_epoch(&restored).await.expect("up");
        produce(world, &store, ten(201)).await;
        assert_eq!(handler.subjects(), 20);
    });
}

/// One row is refused, is redriven when the consumer has forgotten all that came after it, and is handled.
fn redriven_late(config: RelayConfig) {
    on_each_store(async |world| {
        let handler = consume(world);
        world.broker.says(|message, _| match message.subject.as_str() {
            "order-3" => Err(PublishError::Refused("too large".into())),
            _ => Ok(()),
        });
        world.ports.spawn("relay", Relay::new(&world.ports).config(config.clone()).run());
        world.stage(ten(1).map(|message| Message { sequence: 0, ..message })).await;
        world.pass(Duration::from_secs(2)).await;
        assert_eq!(handler.subjects(), 9);
        forget(world).await;
        world.broker.says(|_, _| Ok(()));
        let redriven = world.ports.store.redrive(&DeadRowRequest::new(10)).await.expect("up");
        assert_eq!(redriven, [order(3).id]);
        world.pass(Duration::from_secs(2)).await;
        assert_eq!((handler.runs("order-3"), handler.subjects()), (1, 10));

        // A duplicate of what was forgotten is one still, where there is an order to go by.
        if config.ordering == OutboxOrder::PerKey {
            let late =
                world.broker.accepted().into_iter().find(|(_, message)| message.id == order(1).id).expect("sent");
            world.ports.broker.publish(&[late.1]).await.expect("up");
            world.pass(Duration::from_secs(2)).await;
            assert_eq!(handler.runs("order-1"), 1);
        }
    });
}

#[test]
fn a_row_that_was_skipped_and_is_redriven_late_is_handled() {
    redriven_late(RelayConfig::default().when_dead(WhenDead::SkipDead));
}

#[test]
fn a_row_of_a_relay_without_order_that_is_redriven_late_is_handled() {
    redriven_late(RelayConfig::default().ordering(OutboxOrder::Unordered));
}

/// Delivered once more when its row is gone, and so often that it is suspected: it was handled all the same.
#[test]
fn a_message_that_was_forgotten_is_a_duplicate_also_when_its_failure_is_counted_before_it_comes() {
    on_each_store(async |world| {
        let handler = Scripted::new(|_, _| Box::pin(async { Ok(()) }));
        world.broker.behind().declare(&SubscriptionSpec { group: SHOP.into(), topics: vec![SHOP.into()] });
        let consumer = handler.consumer(&world.ports, |config| config.suspect_after(0));
        world.ports.spawn("consumer", consumer.run());
        produce(world, &a_store(world), ten(1)).await;
        forget(world).await;
        let sent: Vec<Message> = world.broker.accepted().into_iter().map(|(_, message)| message).collect();
        world.publish(sent).await;
        world.pass(Duration::from_secs(2)).await;
        let runs: usize = (1..11).map(|number| handler.runs(&format!("order-{number}"))).sum();
        assert_eq!((runs, world.unacknowledged()), (10, 0));
    });
}
