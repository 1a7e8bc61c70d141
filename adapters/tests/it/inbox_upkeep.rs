//! Upkeep of an inbox: sweeps that end at a stop, and dead letters that are found wherever they lie.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use seaworthy_core::{
    inbox::{self, Consumer, ConsumerConfig, HandlerError, Handlers, InboxRetention},
    message::Message,
    ports::{
        DeadLetterRequest, DelegateStore, Expected, InboxEntry, InboxInsert, InboxPurgeRequest, Ports, Seen, Store,
        StoreError, StoreTable,
    },
    stop::Stop,
};

use crate::support::{
    inbox::{SHOP, Scripted, order},
    on_each_store,
};

/// A store whose process is asked to stop at its second sweep.
struct StopsAtTheSecond {
    behind: Arc<dyn Store>,
    stop: Stop,
    purges: std::sync::atomic::AtomicU32,
}

#[async_trait]
impl DelegateStore for StopsAtTheSecond {
    fn inner(&self) -> &dyn Store {
        &*self.behind
    }

    async fn purge_inbox(&self, consumer: &str, request: &InboxPurgeRequest) -> Result<u64, StoreError> {
        if self.purges.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 1 {
            self.stop.set();
        }
        self.behind.purge_inbox(consumer, request).await
    }
}

#[test]
fn a_stop_ends_a_sweep_between_two_batches() {
    on_each_store(async |world| {
        let handler = Scripted::new(|_, _| Box::pin(async { Ok(()) }));
        world.publish((1..=20).map(order)).await;
        world.ports.spawn("consumer", handler.consumer(&world.ports, |config| config).run());
        world.pass(Duration::from_secs(120)).await;
        let (stop, behind) = (Stop::new(), world.ports.store.clone());
        let store = StopsAtTheSecond { behind, stop: stop.clone(), purges: Default::default() };
        let minute = Duration::from_secs(60);
        let retention = InboxRetention::new(minute, minute / 2).expect("longer than the broker's").batch(3);
        assert_eq!(retention.sweep(SHOP, &store, &stop).await, Ok(6));
    });
}

/// Says to handlers that wait for it that what broke them is mended.
async fn mend(ports: &Ports) {
    let mut tx = ports.store.begin().await.expect("up");
    tx.put("mended", "it", Expected::Absent, "yes".into()).await.expect("up");
    tx.commit().await.expect("up");
}

#[test]
fn a_dead_letter_that_is_named_is_redriven_however_many_older_ones_there_are() {
    on_each_store(async |world| {
        let handler = Scripted::new(|tx, message| {
            Box::pin(async {
                // Mended only for one of them, and only once somebody has said so.
                match message.subject == "order-300" && tx.get("mended", "it").await?.is_some() {
                    true => Ok(()),
                    false => Err(HandlerError::Refused("broken".into())),
                }
            })
        });
        world.publish((1..=300).map(order)).await;
        let consumer = handler.consumer(&world.ports, |config| config);
        world.ports.spawn("consumer", consumer.clone().run());
        world.pass(Duration::from_secs(10)).await;
        assert_eq!(world.letters().await.len(), 300);
        mend(&world.ports).await;
        let redriven = consumer.redrive(&consumer.letters(100).only([order(300).id])).await.expect("up");
        assert_eq!((redriven.handled, redriven.failed), (vec![order(300).id], vec![]));
        assert_eq!(world.letters().await.len(), 299);
    });
}

#[test]
fn a_redrive_goes_on_behind_the_dead_letters_that_fail_again() {
    on_each_store(async |world| {
        let handler = Scripted::new(|tx, message| {
            Box::pin(async {
                // Mended for all but the oldest twenty.
                let number: u64 = message.subject.trim_start_matches("order-").parse().expect("a number");
                match number > 20 && tx.get("mended", "it").await?.is_some() {
                    true => Ok(()),
                    false => Err(HandlerError::Refused(format!("{number} is broken").into())),
                }
            })
        });
        world.publish((1..=60).map(order)).await;
        let consumer = handler.consumer(&world.ports, |config| config);
        world.ports.spawn("consumer", consumer.clone().run());
        world.pass(Duration::from_secs(10)).await;
        assert_eq!(world.letters().await.len(), 60);
        mend(&world.ports).await;
        let mut handled = 0;
        for _ in 0..6 {
            let redriven = consumer.redrive(&consumer.letters(20)).await.expect("up");
            handled += redriven.handled.len();
        }
        assert_eq!(handled, 40);
        let left = world.letters().await;
        assert_eq!(left.len(), 20);
        assert!(left.iter().all(|letter| letter.failures > 1), "each redrive that fails is counted: {left:?}");
    });
}

#[test]
fn dead_letters_are_redriven_by_type_key_and_reason() {
    on_each_store(async |world| {
        let handler = Scripted::new(|tx, message| {
            Box::pin(async {
                match tx.get("mended", "it").await?.is_some() {
                    true => Ok(()),
                    false => Err(HandlerError::Refused(format!("no room for {}", message.subject).into())),
                }
            })
        });
        let reminder = |number| Message { kind: "reminder.due".into(), ..order(number) };
        world.publish((1..=5).map(order)).await;
        world.publish((6..=9).map(reminder)).await;
        let handlers = Handlers::builder().on("order.placed", handler.clone()).on("reminder.due", handler.clone());
        let handlers = handlers.build().expect("one handler for each type");
        let consumer = Consumer::new(&world.ports, SHOP, handlers, ConsumerConfig::new([SHOP]));
        world.ports.spawn("consumer", consumer.clone().run());
        world.pass(Duration::from_secs(10)).await;
        assert_eq!(world.letters().await.len(), 9);
        mend(&world.ports).await;
        let redrive = async |letters| consumer.redrive(&letters).await.expect("up").handled;
        assert_eq!(redrive(consumer.letters(9).of_kind("reminder.due").because("order-8")).await, [order(8).id]);
        assert_eq!(redrive(consumer.letters(9).of_key("order-2")).await, [order(2).id]);
        assert_eq!(redrive(consumer.letters(9).of_topic("elsewhere")).await, []);
        assert_eq!(redrive(consumer.letters(2).of_kind("reminder.due")).await, [order(6).id, order(7).id]);
        assert_eq!(world.letters().await.len(), 5);
        let another = consumer.redrive(&DeadLetterRequest::new("another", 9)).await.expect_err("not its own");
        assert!(another.to_string().contains("letters of another, which shop can't handle"), "{another}");
    });
}

#[test]
fn a_key_that_is_not_heard_of_for_long_leaves_nothing_behind() {
    on_each_store(async |world| {
        let handler = Scripted::new(|_, _| Box::pin(async { Ok(()) }));
        world.publish((1..=20).map(order)).await;
        world.ports.spawn("consumer", handler.consumer(&world.ports, |config| config).run());
        world.pass(Duration::from_secs(120)).await;
        let minute = Duration::from_secs(60);
        let retention = InboxRetention::new(minute, minute / 2).expect("longer than the broker's").batch(3);
        let retention = retention.keep_watermarks(minute * 5).expect("longer than the broker's");
        let sweep = async || retention.sweep(SHOP, &*world.ports.store, &Stop::new()).await.expect("up");
        assert_eq!(sweep().await, 20, "the rows");
        let again = async |number: u64| {
            let late = InboxEntry { message: order(900 + number).id, ..InboxEntry::for_message(SHOP, &order(number)) };
            world.ports.store.begin().await.expect("up").inbox_insert(&late).await.expect("up")
        };
        assert_eq!(again(7).await, InboxInsert::Duplicate(Seen::Watermark));
        world.pass(minute * 4).await;
        assert_eq!(sweep().await, 0);
        world.pass(minute * 2).await;
        assert_eq!(sweep().await, 20, "the watermarks, batch by batch");
        assert_eq!(sweep().await, 0);
        assert_eq!(again(7).await, InboxInsert::First);
    });
}

/// Its topic was deleted, or the broker keeps nothing for longer: nobody will ever settle it.
#[test]
fn a_message_that_failed_and_never_comes_again_leaves_nothing_behind() {
    on_each_store(async |world| {
        let minute = Duration::from_secs(60);
        let retention = InboxRetention::new(minute, minute / 2).expect("longer than the broker's").batch(3);
        let retention = retention.keep_failures(minute * 5).expect("longer than the broker's");
        let sweep = async || retention.sweep(SHOP, &*world.ports.store, &Stop::new()).await.expect("up");
        let fail = async |number| {
            let mut tx = world.ports.store.begin().await.expect("up");
            let failures = tx.inbox_failed(&InboxEntry::for_message(SHOP, &order(number)), "no answer").await;
            tx.commit().await.expect("up");
            failures.expect("up")
        };
        let rows = async || {
            let counts = world.ports.store.row_counts().await.expect("counted");
            counts.get(&StoreTable::Inbox).copied().unwrap_or(0)
        };
        for number in 1..=20 {
            assert_eq!(fail(number).await, 1);
        }
        world.pass(minute * 4).await;
        assert_eq!((sweep().await, rows().await), (0, 20), "beyond the age of handled rows, within their own");
        // One is still tried.
        assert_eq!(fail(7).await, 2);
        world.pass(minute * 2).await;
        assert_eq!((sweep().await, rows().await), (19, 1), "batch by batch");
        assert_eq!(fail(7).await, 3, "its count goes on");
        world.pass(minute * 6).await;
        assert_eq!((sweep().await, rows().await), (1, 0));
    });
}

#[test]
fn dead_letters_that_nobody_needs_are_discarded_by_name_or_by_type() {
    on_each_store(async |world| {
        let handler = Scripted::new(|_, _| Box::pin(async { Err(HandlerError::Refused("broken".into())) }));
        let reminder = |number| Message { kind: "reminder.due".into(), ..order(number) };
        world.publish((1..=5).map(order)).await;
        world.publish((6..=9).map(reminder)).await;
        let handlers = Handlers::builder().on("order.placed", handler.clone()).on("reminder.due", handler.clone());
        let handlers = handlers.build().expect("one handler for each type");
        let consumer = Consumer::new(&world.ports, SHOP, handlers, ConsumerConfig::new([SHOP]));
        world.ports.spawn("consumer", consumer.run());
        world.pass(Duration::from_secs(10)).await;
        assert_eq!(world.letters().await.len(), 9);
        let store = &*world.ports.store;
        let discard = async |letters| inbox::discard(store, &letters).await.expect("up");
        let named = DeadLetterRequest::new(SHOP, 9).only([order(4).id, order(2).id]);
        assert_eq!(discard(named.clone()).await, [order(2).id, order(4).id]);
        assert_eq!(discard(named).await, [], "they are gone");
        let reminders = DeadLetterRequest::new(SHOP, 3).of_kind("reminder.due");
        assert_eq!(discard(reminders.clone()).await.len(), 3);
        assert_eq!(discard(reminders.clone()).await, [order(9).id]);
        assert_eq!(discard(DeadLetterRequest::new("another", 9)).await, []);
        let left: Vec<_> = world.letters().await.iter().map(|letter| letter.message.id).collect();
        assert_eq!(left, [order(1).id, order(3).id, order(5).id]);
        // They count as handled, so they do not come back.
        let runs = handler.subjects();
        world.publish([order(2), reminder(7)]).await;
        world.pass(Duration::from_secs(10)).await;
        assert_eq!((world.letters().await.len(), world.unacknowledged()), (3, 0));
        assert_eq!((handler.runs("order-2"), handler.runs("order-7"), handler.subjects()), (1, 1, runs));
    });
}
