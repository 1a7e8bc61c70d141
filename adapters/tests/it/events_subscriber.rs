//! A subscriber catches up and follows, at a place of its own, with each effect once.

use std::time::Duration;

use seaworthy_core::{
    backoff::Backoff,
    inbox::{HandlerError, InboxRetention},
    ports::{EventAppend, ExpectedVersion, InboxPurgeRequest, Operation, StoreError, StoreTable, Timestamp},
    stop::Stop,
    wake::Wake,
};

use crate::support::{
    Kind,
    calls::{Calls, Fate},
    events::{append, event, journal, subscriber, write_down, writing},
    gated::GatedStore,
    inbox::Scripted,
    on, on_each_store,
    warnings::Warnings,
};

/// Positions leave out numbers on a store with many writers, so what was read is judged by events.
#[test]
fn seed_66_three_subscribers_see_every_event_once_and_in_order_each_at_its_own_place() {
    on_each_store(async |world| {
        let store = world.store();
        append(&**store, "account-1", 1..=30).await;
        let one = subscriber(&world.ports, "one", &writing("one"), |config| config);
        one.catch_up().await.expect("a store that is up");
        append(&**store, "account-2", 31..=40).await;
        let two = subscriber(&world.ports, "two", &writing("two"), |config| config.page(7).batch(3));
        two.catch_up().await.expect("a store that is up");
        assert_eq!(journal(&**store, "one").await, (1..=30).collect::<Vec<_>>(), "one has stopped and holds nobody up");
        assert_eq!(journal(&**store, "two").await, (1..=40).collect::<Vec<_>>());
        world.ports.spawn("one", one.run());
        world.ports.spawn("three", subscriber(&world.ports, "three", &writing("three"), |config| config).run());
        append(&**store, "account-1", 41..=45).await;
        world.pass(Duration::from_secs(5)).await;
        for name in ["one", "three"] {
            assert_eq!(journal(&**store, name).await, (1..=45).collect::<Vec<_>>(), "{name}");
        }
        assert_eq!(journal(&**store, "two").await.len(), 40);
    });
}

#[test]
fn seed_66_a_checkpoint_never_passes_an_event_that_may_still_commit() {
    on(Kind::Memory, async |world| {
        let store = world.store();
        let open = async |account: &str, number| {
            let mut tx = store.begin().await.expect("a store that is up");
            let appended = EventAppend::new(account, ExpectedVersion::Any, vec![event(number)]);
            tx.append_events(&appended).await.expect("a store that is up");
            tx
        };
        let reader = subscriber(&world.ports, "reader", &writing("reader"), |config| config);
        let slow = open("account-1", 1).await;
        let quick = open("account-2", 2).await;
        quick.commit().await.expect("a store that is up");
        reader.catch_up().await.expect("a store that is up");
        assert_eq!(journal(&**store, "reader").await, [0; 0], "the first one may still come");
        slow.commit().await.expect("a store that is up");
        reader.catch_up().await.expect("a store that is up");
        assert_eq!(journal(&**store, "reader").await, [1, 2]);
    });
}

#[test]
fn a_hint_brings_an_event_at_once_and_a_poll_brings_it_where_the_hint_is_lost() {
    on_each_store(async |world| {
        let store = world.store();
        let wake = Wake::new();
        let hinted = subscriber(&world.ports, "hinted", &writing("hinted"), |config| config).wake(wake.clone());
        world.ports.spawn("hinted", hinted.run());
        world.ports.spawn("polling", subscriber(&world.ports, "polling", &writing("polling"), |config| config).run());
        world.pass(Duration::from_secs(30)).await;
        append(&**store, "account-1", [1]).await;
        wake.hint();
        world.pass(Duration::from_millis(1)).await;
        assert_eq!(journal(&**store, "hinted").await, [1]);
        world.pass(Duration::from_millis(1_500)).await;
        assert_eq!(journal(&**store, "polling").await, [1], "half as long again as the longest wait between polls");
    });
}

/// Whoever hints may be a moment early: the next look is soon, and not a whole wait of a subscriber that has long had nothing
/// to do.
#[test]
fn a_hint_that_comes_before_its_event_costs_a_short_poll_and_not_a_long_one() {
    on_each_store(async |world| {
        let wake = Wake::new();
        let poll = Backoff::new(Duration::from_millis(10), Duration::from_secs(60));
        let hinted = subscriber(&world.ports, "hinted", &writing("hinted"), |config| config.poll(poll));
        world.ports.spawn("hinted", hinted.wake(wake.clone()).run());
        world.pass(Duration::from_secs(600)).await;
        wake.hint();
        world.pass(Duration::from_millis(1)).await;
        append(&**world.store(), "account-1", [1]).await;
        world.pass(Duration::from_millis(100)).await;
        assert_eq!(journal(&**world.store(), "hinted").await, [1]);
    });
}

/// To look costs a call for what is parked; nobody pays it where nothing is.
#[test]
fn a_subscriber_that_has_parked_nothing_looks_for_nothing_parked() {
    on_each_store(async |world| {
        let (calls, ports) = Calls::before(&world.ports, |_, _| Fate::Well);
        ports.spawn("reader", subscriber(&ports, "reader", &writing("reader"), |config| config).run());
        for round in 0..20 {
            append(&**world.store(), "account-1", [round]).await;
            world.pass(Duration::from_secs(3)).await;
        }
        assert_eq!(journal(&**world.store(), "reader").await.len(), 20);
        assert_eq!(calls.times(Operation::DeadLetters).len(), 1, "after the start");
    });
}

#[test]
fn a_projection_that_is_built_anew_under_another_name_comes_to_the_same() {
    on_each_store(async |world| {
        let store = world.store();
        world.ports.spawn("old", subscriber(&world.ports, "old", &writing("old"), |config| config).run());
        for account in 1..=5 {
            append(&**store, &format!("account-{account}"), (0..20).map(|round| round * 5 + account)).await;
            world.pass(Duration::from_millis(200)).await;
        }
        world.pass(Duration::from_secs(2)).await;
        let anew = subscriber(&world.ports, "anew", &writing("anew"), |config| config.batch(1));
        anew.catch_up().await.expect("a store that is up");
        let (old, anew) = (journal(&**store, "old").await, journal(&**store, "anew").await);
        assert_eq!((old.len(), &old), (100, &anew));
    });
}

#[test]
fn catching_up_takes_a_transaction_for_many_events_and_types_that_nobody_handles_are_passed_over() {
    on(Kind::Sqlite, async |world| {
        let store = world.store();
        append(&**store, "account-1", 1..=320).await;
        let (gate, ports) = GatedStore::before(&world.ports, |_| Ok(()));
        let reader = subscriber(&ports, "reader", &writing("reader"), |config| config);
        reader.catch_up().await.expect("a store that is up");
        // 320 in batches of 16, of which the first is taken one by one, after a start; and reading the checkpoint.
        assert!(gate.begun().len() <= 19 + 16 + 5, "{}", gate.begun().len());
        let handlers = seaworthy_core::inbox::Handlers::builder().build().expect("none");
        let idle = seaworthy_core::events::Subscriber::new(&world.ports, "idle", handlers);
        let end = reader.position().await.expect("a store that is up");
        assert_eq!(idle.catch_up().await.expect("a store that is up"), end);
    });
}

#[test]
fn of_two_replicas_either_may_work_and_each_event_has_its_effect_once() {
    on_each_store(async |world| {
        let store = world.store();
        for seed in [2, 3] {
            let ports = world.replica(seed);
            // Waits in the midst of it, so that the two overlap where the store lets them.
            let handler = Scripted::new(|tx, message| {
                Box::pin(async move {
                    tokio::task::yield_now().await;
                    write_down(tx, "reader", message).await
                })
            });
            world.ports.spawn("replica", subscriber(&ports, "reader", &handler, |config| config.batch(4)).run());
        }
        for round in 0..20 {
            append(&**store, "account-1", round * 5 + 1..=round * 5 + 5).await;
            world.pass(Duration::from_millis(40)).await;
        }
        world.pass(Duration::from_secs(5)).await;
        assert_eq!(journal(&**store, "reader").await, (1..=100).collect::<Vec<_>>());
        assert_eq!(world.parked("reader").await, []);
    });
}

/// One replica fails at an event and counts that; another one, whose store was away meanwhile, handles it and knows of no
/// failure.
#[test]
fn failures_that_one_replica_has_counted_are_settled_when_another_has_handled_the_event() {
    on_each_store(async |world| {
        let store = world.store();
        let second = Duration::from_secs(1);
        let (from, to) = (world.ports.clock.now() + second, world.ports.clock.now() + 5 * second);
        let (_, away) = GatedStore::before(&world.ports, move |now| {
            if now >= from && now < to { Err(StoreError::Unavailable("away".into())) } else { Ok(()) }
        });
        append(&**store, "account-1", 1..=1).await;
        world.ports.spawn("well", subscriber(&away, "reader", &writing("reader"), |config| config).run());
        world.pass(second * 2).await;
        append(&**store, "account-1", 2..=2).await;
        let fails = Scripted::new(|_, _| Box::pin(async { Err(HandlerError::Unavailable("no such account".into())) }));
        let failing = subscriber(&world.replica(3), "reader", &fails, |config| config.max_failures(99));
        world.ports.spawn("failing", failing.run());
        world.pass(second * 2).await;
        assert!(fails.runs("event-2") > 1, "it is counted");
        world.pass(second * 120).await;
        assert_eq!(journal(&**store, "reader").await, [1, 2]);
        // What is handled goes with the retention; a failure that nobody settles would stay for ever.
        let all = InboxPurgeRequest::new(Duration::ZERO, 99);
        store.purge_inbox("reader", &all).await.expect("up");
        let rows = store.row_counts().await.expect("up");
        assert_eq!(rows.get(&StoreTable::Inbox), None, "{rows:?}");
    });
}

/// One replica fails at an event, counts that and dies; another one handles the event and knows of no failure, so nobody settles
/// the count.
#[test]
fn a_failure_whose_process_died_before_another_replica_handled_the_event_goes_with_the_retention() {
    on_each_store(async |world| {
        let store = world.store();
        let second = Duration::from_secs(1);
        append(&**store, "account-1", 1..=1).await;
        world.ports.spawn("well", subscriber(&world.ports, "reader", &writing("reader"), |config| config).run());
        world.pass(second * 3).await;
        // It is first at the next event, and counts that before it is handled, as of one that may end its process.
        append(&**store, "account-1", 2..=2).await;
        let never = Scripted::new(|_, _| Box::pin(std::future::pending()));
        let dying = subscriber(&world.replica(3), "reader", &never, |config| config);
        let died = tokio::time::timeout(Duration::from_millis(5), dying.run()).await;
        assert!(died.is_err() && never.runs("event-2") == 1, "it is gone in the midst of it");
        world.pass(second * 5).await;
        assert_eq!(journal(&**store, "reader").await, [1, 2]);
        let rows = async || store.row_counts().await.expect("up").get(&StoreTable::Inbox).copied();
        let retention = InboxRetention::new(second * 60, second * 30).expect("longer than nothing is delivered again");
        let retention = retention.keep_failures(second * 300).expect("the same");
        let sweep = async || retention.sweep("reader", &**store, &Stop::new()).await.expect("up");
        world.pass(second * 120).await;
        assert_eq!((sweep().await, rows().await), (1, Some(1)), "what was handled goes; the count is too young");
        world.pass(second * 240).await;
        assert_eq!((sweep().await, rows().await), (1, None), "and then the count goes, too");
    });
}

#[test]
fn an_outage_of_the_store_counts_against_no_event() {
    on_each_store(async |world| {
        append(&**world.store(), "account-1", 1..=3).await;
        let up =
            Timestamp::from_millis(60_000).since(Timestamp::EPOCH) + world.ports.clock.now().since(Timestamp::EPOCH);
        let (_, ports) = GatedStore::before(&world.ports, move |now| {
            if now.since(Timestamp::EPOCH) < up { Err(StoreError::Unavailable("down".into())) } else { Ok(()) }
        });
        let heard = Warnings::listen();
        world.ports.spawn("reader", subscriber(&ports, "reader", &writing("reader"), |config| config).run());
        world.pass(Duration::from_secs(120)).await;
        assert_eq!(journal(&**world.store(), "reader").await, [1, 2, 3]);
        assert_eq!(world.parked("reader").await, []);
        assert!(heard.lines().iter().any(|line| line.contains("can't be reached")), "{:?}", heard.lines());
    });
}

#[test]
fn what_a_handler_stages_leaves_with_its_effect_and_names_the_event_as_its_cause() {
    on_each_store(async |world| {
        let store = world.store();
        append(&**store, "account-1", [7]).await;
        let handler = Scripted::new(|tx, message| {
            Box::pin(async move {
                let told = seaworthy_core::message::MessageBuilder::new("bank", "statement.due", "account-1");
                tx.stage(&told.derive(message.id.0, &["statement"], Timestamp::EPOCH)).await?;
                Ok::<_, HandlerError>(())
            })
        });
        subscriber(&world.ports, "statements", &handler, |config| config).catch_up().await.expect("a store that is up");
        assert_eq!(store.backlog().await.expect("a store that is up").outbox_unsettled, 1);
        let request = seaworthy_core::ports::TailRequest {
            limit: 9,
            ordering: seaworthy_core::ports::OutboxOrder::PerKey,
            when_dead: seaworthy_core::ports::WhenDead::BlockKey,
            except_topics: Vec::new(),
            except_keys: Vec::new(),
        };
        let staged = store.tail(&request).await.expect("a store that is up").remove(0).message;
        assert_eq!((staged.causation_id, staged.correlation_id), (Some(event(7).id), event(7).correlation_id));
    });
}
