//! The relay over the simulated store and broker.

mod messaging;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use messaging::{Say, ms, on_bench};
use seaworthy_core::{
    backoff::Backoff,
    ids::{ClaimToken, MessageId},
    outbox::{RelayConfig, purge_dead, redrive},
    ports::{BrokerError, ClaimRequest, Clock, Ordering, OutboxStore, Random, WhenDead},
    stop::Stop,
    wake::Wake,
};

fn config() -> RelayConfig {
    RelayConfig::default()
}

#[test]
fn one_poison_message_among_a_hundred_leaves_ninety_nine_dispatched_in_the_same_pass() {
    on_bench(1, async |bench| {
        let ids = bench.stage_many(100).await;
        let poison = ids[42];
        bench.broker.says(move |message, _| if message.id == poison { Say::Reject } else { Say::Accept });
        let report = bench.relay(config()).pass().await.unwrap();
        assert_eq!((report.claimed, report.dispatched, report.dead), (100, 99, 1));
        let dead = bench.store.dead_rows(10).await.unwrap();
        assert_eq!(dead.iter().map(|(row, _)| row.message.id).collect::<Vec<_>>(), [poison]);
        assert!(dead[0].1.contains("too large"), "{}", dead[0].1);
    });
}

#[test]
fn up_to_eight_relays_on_one_store_publish_each_message_once_while_no_lease_ends() {
    for relays in 1..=8 {
        on_bench(relays, async move |bench| {
            let staged = bench.stage_many(300).await;
            bench.broker.takes(ms(3));
            let stop = Stop::new();
            let tasks: Vec<_> = (0..relays)
                .map(|_| madsim::task::spawn(bench.relay(RelayConfig { batch: 7, ..config() }).run(stop.clone())))
                .collect();
            bench.pass(Duration::from_secs(2)).await;
            stop.set();
            for task in tasks {
                task.await.unwrap();
            }
            let times = bench.broker.times();
            assert_eq!(times.keys().copied().collect::<BTreeSet<_>>(), staged.into_iter().collect());
            assert!(times.values().all(|times| *times == 1), "{relays} relays published twice");
            assert_eq!(bench.unsettled().await, 0);
        });
    }
}

/// Three relays, five keys and a broker that fails a third of the time in each way that is not definitive.
#[test]
fn messages_of_a_key_are_first_accepted_in_commit_order_however_the_broker_fails() {
    for seed in 0..50 {
        on_bench(seed, async move |bench| {
            for number in 0..60 {
                bench.stage(&format!("order-{}", number % 5), "order.changed").await;
            }
            let dice = bench.random.clone();
            bench.broker.says(move |_, _| match dice.next_u64() % 9 {
                0 => Say::Lose,
                1 => Say::LoseUnheard,
                2 => Say::Throttle,
                _ => Say::Accept,
            });
            bench.broker.takes(ms(1));
            let stop = Stop::new();
            for _ in 0..3 {
                let quick = RelayConfig { backoff: Backoff::new(ms(10), ms(50)), ..config() };
                madsim::task::spawn(bench.relay(quick).run(stop.clone()));
            }
            bench.pass(Duration::from_secs(60)).await;
            stop.set();
            assert_eq!(bench.unsettled().await, 0, "seed {seed}");
            let mut accepted: BTreeMap<String, Vec<u64>> = BTreeMap::new();
            let mut seen = BTreeSet::new();
            for published in bench.broker.log() {
                if matches!(published.said, Say::Accept | Say::Lose) && seen.insert(published.id) {
                    accepted.entry(published.key).or_default().push(published.sequence);
                }
            }
            assert_eq!(accepted.values().map(Vec::len).sum::<usize>(), 60);
            for (key, order) in accepted {
                assert!(order.is_sorted(), "seed {seed}: {key} was accepted in the order {order:?}");
            }
        });
    }
}

/// Ten attempts with the default backoff take about a minute; the outage takes an hour.
#[test]
fn an_outage_of_an_hour_buries_nothing_and_costs_few_calls() {
    for failure in [BrokerError::Unavailable("down".into()), BrokerError::Unknown("timeout".into())] {
        on_bench(3, async |bench| {
            let staged = bench.stage_many(20).await;
            bench.broker.fails(Some(failure));
            let stop = Stop::new();
            let task = madsim::task::spawn(bench.relay(config()).run(stop.clone()));
            bench.pass(Duration::from_secs(3_600)).await;
            // At the cap a pause takes 5 s at least, and below it there are seven.
            let calls = bench.broker.calls();
            assert!((200..740).contains(&calls), "{calls} calls in an outage");
            assert_eq!(bench.store.dead_rows(100).await.unwrap(), []);
            bench.broker.fails(None);
            bench.pass(Duration::from_secs(16)).await;
            stop.set();
            task.await.unwrap();
            assert_eq!(bench.unsettled().await, 0);
            assert_eq!(bench.store.dead_rows(100).await.unwrap(), []);
            assert_eq!(bench.broker.times().len(), staged.len());
        });
    }
}

#[test]
fn a_message_that_keeps_failing_while_others_pass_is_given_up_after_its_attempts() {
    on_bench(4, async |bench| {
        let poison = bench.stage("order-poison", "order.placed").await;
        bench.broker.says(move |message, _| if message.id == poison { Say::LoseUnheard } else { Say::Accept });
        let stop = Stop::new();
        madsim::task::spawn(bench.relay(config()).run(stop.clone()));
        for number in 0..900 {
            bench.stage(&format!("order-{number}"), "order.placed").await;
            bench.pass(ms(250)).await;
        }
        stop.set();
        let dead = bench.store.dead_rows(10).await.unwrap();
        assert_eq!(dead.iter().map(|(row, _)| row.message.id).collect::<Vec<_>>(), [poison]);
        assert!(dead[0].1.contains("while others pass"), "{}", dead[0].1);
        let tries = bench.broker.times()[&poison];
        assert!((10..=12).contains(&tries), "{tries} tries");
        assert_eq!(bench.unsettled().await, 0);
    });
}

#[test]
fn a_throttled_message_holds_nobody_back_and_is_never_given_up() {
    on_bench(5, async |bench| {
        let ids = bench.stage_many(10).await;
        let throttled = ids[0];
        bench.broker.says(move |message, now| {
            let healed = now.since(seaworthy_core::ports::Timestamp::EPOCH) > Duration::from_secs(600);
            if message.id == throttled && !healed { Say::Throttle } else { Say::Accept }
        });
        let report = bench.relay(config()).pass().await.unwrap();
        assert_eq!((report.dispatched, report.released, report.pause), (9, 1, None));
        let stop = Stop::new();
        madsim::task::spawn(bench.relay(config()).run(stop.clone()));
        bench.pass(Duration::from_secs(620)).await;
        stop.set();
        assert_eq!(bench.unsettled().await, 0);
        assert_eq!(bench.store.dead_rows(10).await.unwrap(), []);
    });
}

#[test]
fn redriven_messages_keep_their_ids_and_are_dispatched() {
    on_bench(6, async |bench| {
        let ids = bench.stage_many(30).await;
        bench.broker.says(|_, _| Say::Reject);
        let mut relay = bench.relay(config());
        assert_eq!(relay.pass().await.unwrap().dead, 30);
        assert_eq!(relay.pass().await.unwrap().claimed, 0, "a dead row is not claimed");
        bench.broker.says(|_, _| Say::Accept);
        assert_eq!(redrive(&*bench.store, Some(&ids[..10])).await.unwrap(), 10);
        assert_eq!(relay.pass().await.unwrap().dispatched, 10);
        assert_eq!(redrive(&*bench.store, None).await.unwrap(), 20);
        assert_eq!(relay.pass().await.unwrap().dispatched, 20);
        let accepted = bench.broker.log().into_iter().filter(|published| published.said == Say::Accept);
        assert_eq!(accepted.map(|published| published.id).collect::<Vec<_>>(), ids);
        assert_eq!(redrive(&*bench.store, None).await.unwrap(), 0);
    });
}

#[test]
fn only_an_explicit_purge_deletes_dead_rows() {
    on_bench(7, async |bench| {
        bench.stage_many(3).await;
        bench.broker.says(|_, _| Say::Reject);
        bench.relay(config()).pass().await.unwrap();
        assert_eq!(purge_dead(&*bench.store, Duration::from_secs(60)).await.unwrap(), 0);
        bench.pass(Duration::from_secs(61)).await;
        assert_eq!(purge_dead(&*bench.store, Duration::from_secs(60)).await.unwrap(), 3);
        assert_eq!(bench.store.dead_rows(10).await.unwrap(), []);
    });
}

/// Every batch size from 1 to 500, on 61 messages of 12 keys of which every tenth is refused: one more than a multiple of
/// many sizes, so that last batches are partial.
#[test]
fn the_outcome_is_the_same_for_every_batch_size() {
    let outcome = |batch: usize| {
        let (sender, receiver) = std::sync::mpsc::channel();
        on_bench(8, async move |bench| {
            for number in 0..61 {
                bench.stage(&format!("order-{}", number % 12), "order.placed").await;
            }
            bench.broker.says(|message, _| if message.sequence % 10 == 0 { Say::Reject } else { Say::Accept });
            let mut relay = bench.relay(RelayConfig { batch, when_dead: WhenDead::SkipDead, ..config() });
            while relay.pass().await.unwrap().claimed > 0 {}
            let dead = bench.store.dead_rows(100).await.unwrap();
            let mut dead: Vec<_> = dead.iter().map(|(row, reason)| (row.message.sequence, reason.clone())).collect();
            dead.sort();
            let mut sent: BTreeMap<String, Vec<(MessageId, Say)>> = BTreeMap::new();
            for published in bench.broker.log() {
                sent.entry(published.key).or_default().push((published.id, published.said));
            }
            sender.send((dead, format!("{sent:?}"), bench.unsettled().await)).unwrap();
        });
        receiver.recv().unwrap()
    };
    let first = outcome(1);
    assert_eq!((first.0.len(), first.2), (6, 0));
    for batch in 2..=500 {
        assert_eq!(outcome(batch), first, "batch {batch}");
    }
}

#[test]
fn a_graceful_stop_leaves_no_row_claimed() {
    // The stop comes before, in and after the first publish, which takes 10 ms.
    for at in [0, 1, 5, 9, 10, 11, 15, 25] {
        on_bench(9, async move |bench| {
            bench.stage_many(50).await;
            bench.broker.takes(ms(10));
            let stop = Stop::new();
            let task = madsim::task::spawn(bench.relay(RelayConfig { batch: 10, ..config() }).run(stop.clone()));
            bench.pass(ms(at)).await;
            stop.set();
            task.await.unwrap();
            // A claimed row could not be claimed again before its lease of 30 s ends.
            let left = bench.unsettled().await;
            let report = bench.relay(config()).pass().await.unwrap();
            assert_eq!(report.claimed as u64, left, "stop after {at} ms");
            assert!(bench.broker.times().values().all(|times| *times == 1));
        });
    }
}

#[test]
fn a_stop_in_an_outage_leaves_no_row_claimed_and_comes_at_once() {
    on_bench(10, async |bench| {
        bench.stage_many(5).await;
        bench.broker.fails(Some(BrokerError::Unavailable("down".into())));
        let stop = Stop::new();
        let task = madsim::task::spawn(bench.relay(config()).run(stop.clone()));
        bench.pass(Duration::from_secs(100)).await;
        let asked = bench.clock.now();
        stop.set();
        task.await.unwrap();
        assert!(bench.clock.now().since(asked) < ms(1));
        bench.broker.fails(None);
        assert_eq!(bench.relay(config()).pass().await.unwrap().dispatched, 5);
    });
}

#[test]
fn a_relay_whose_lease_has_ended_changes_nothing() {
    on_bench(11, async |bench| {
        bench.stage_many(1).await;
        bench.broker.takes(Duration::from_secs(31));
        let mut slow = bench.relay(config());
        let slow = madsim::task::spawn(async move { slow.pass().await.unwrap() });
        bench.pass(ms(30_500)).await;
        bench.broker.takes(ms(0));
        bench.broker.says(|_, _| Say::Reject);
        // The second relay takes the row over and finds it refused; the first one's good news comes too late.
        assert_eq!(bench.relay(config()).pass().await.unwrap().dead, 1);
        bench.broker.says(|_, _| Say::Accept);
        let report = slow.await.unwrap();
        assert_eq!((report.dispatched, report.lost), (0, 1));
        assert_eq!(bench.store.dead_rows(10).await.unwrap().len(), 1);
    });
}

/// Claims everything that is due and forgets it, as a relay does that crashes.
async fn crash_with_claim(bench: &messaging::Bench) -> usize {
    let request = ClaimRequest {
        token: ClaimToken(seaworthy_core::ids::draw(&*bench.clock, &*bench.random)),
        limit: 100,
        lease: ms(10),
        ordering: Ordering::PerKey,
        when_dead: WhenDead::BlockKey,
    };
    let rows = bench.store.claim(&request).await.unwrap().len();
    bench.pass(ms(11)).await;
    rows
}

#[test]
fn crashes_never_bury_a_row_but_make_it_go_last_and_alone() {
    on_bench(12, async |bench| {
        let suspects = bench.stage_many(3).await;
        for _ in 0..40 {
            assert_eq!(crash_with_claim(&bench).await, 3);
        }
        let fresh = bench.stage("order-fresh", "order.placed").await;
        let report = bench.relay(config()).pass().await.unwrap();
        assert_eq!((report.dispatched, report.dead), (4, 0));
        let log = bench.broker.log();
        let calls: Vec<_> = log.iter().map(|published| (published.call, published.id)).collect();
        assert_eq!(calls, [(0, fresh), (1, suspects[0]), (2, suspects[1]), (3, suspects[2])]);
    });
}

/// Suspects are published one by one, 10 ms each; the stop comes in the middle of the second.
#[test]
fn a_stop_in_the_middle_of_a_pass_gives_back_what_is_not_published_yet() {
    on_bench(17, async |bench| {
        bench.stage_many(4).await;
        for _ in 0..20 {
            crash_with_claim(&bench).await;
        }
        bench.broker.takes(ms(10));
        let stop = Stop::new();
        let task = madsim::task::spawn(bench.relay(config()).run(stop.clone()));
        bench.pass(ms(15)).await;
        stop.set();
        task.await.unwrap();
        assert_eq!((bench.broker.calls(), bench.unsettled().await), (2, 2));
        assert_eq!(bench.relay(config()).pass().await.unwrap().dispatched, 2, "no row stayed claimed");
    });
}

#[test]
fn a_row_that_was_claimed_too_often_is_buried_where_the_configuration_says_so() {
    on_bench(13, async |bench| {
        bench.stage_many(2).await;
        for _ in 0..20 {
            crash_with_claim(&bench).await;
        }
        let bury = RelayConfig { bury_after_claims: Some(20), ..config() };
        let report = bench.relay(bury).pass().await.unwrap();
        assert_eq!((report.dead, bench.broker.calls()), (2, 0));
        assert!(bench.store.dead_rows(1).await.unwrap()[0].1.contains("20 times"));
    });
}

#[test]
fn a_dead_row_blocks_its_key_or_is_skipped_as_configured() {
    for (when_dead, dispatched) in [(WhenDead::BlockKey, 1), (WhenDead::SkipDead, 3)] {
        on_bench(14, async move |bench| {
            let first = bench.stage("order-1", "order.placed").await;
            bench.stage("order-1", "order.paid").await;
            bench.stage("order-1", "order.shipped").await;
            bench.stage("order-2", "order.placed").await;
            bench.broker.says(move |message, _| if message.id == first { Say::Reject } else { Say::Accept });
            let mut relay = bench.relay(RelayConfig { when_dead, ..config() });
            let mut total = 0;
            loop {
                let report = relay.pass().await.unwrap();
                total += report.dispatched;
                if report.claimed == 0 {
                    break;
                }
            }
            assert_eq!(total, dispatched, "{when_dead:?}");
        });
    }
}

#[test]
fn a_hint_makes_dispatch_immediate_and_polling_alone_finds_everything() {
    for (hint, soonest, latest) in [(true, 0, 1), (false, 1, 900)] {
        on_bench(15, async move |bench| {
            let (wake, stop) = (Wake::new(), Stop::new());
            madsim::task::spawn(bench.relay_with(config(), wake.clone()).run(stop.clone()));
            // After a while of rest the relay polls twice a second, give or take half of it.
            bench.pass(Duration::from_secs(10)).await;
            let staged = bench.clock.now();
            bench.stage("order-1", "order.placed").await;
            if hint {
                wake.hint();
            }
            bench.pass(Duration::from_secs(1)).await;
            stop.set();
            let took = bench.broker.log()[0].at.since(staged);
            assert!(took >= ms(soonest) && took <= ms(latest), "hint {hint}: {took:?}");
        });
    }
}

#[test]
fn retention_deletes_dispatched_rows_only_beside_a_running_relay() {
    on_bench(16, async |bench| {
        let ids = bench.stage_many(30).await;
        bench.broker.says(|message, _| if message.sequence <= 5 { Say::Reject } else { Say::Accept });
        let stop = Stop::new();
        madsim::task::spawn(bench.relay(config()).run(stop.clone()));
        let keep = seaworthy_core::outbox::Retention { keep: ms(5_000), batch: 4, every: ms(1_000) };
        madsim::task::spawn(keep.run(bench.store.clone(), bench.clock.clone(), stop.clone()));
        bench.pass(ms(4_000)).await;
        let late = bench.stage("order-late", "order.placed").await;
        bench.pass(ms(3_500)).await;
        stop.set();
        // What is purged may be staged again under its id; what is there conflicts.
        let mut kept = Vec::new();
        for id in ids.iter().chain([&late]) {
            let mut message = seaworthy_core::outbox::MessageBuilder::new("orders", "order.placed", "order-x").derive(
                id.0,
                &[],
                seaworthy_core::ports::Timestamp::EPOCH,
            );
            message.id = *id;
            let mut tx = seaworthy_core::ports::Store::begin(&*bench.store).await.unwrap();
            if seaworthy_core::ports::OutboxWrites::stage(&mut *tx, &message).await.is_err() {
                kept.push(*id);
            }
        }
        assert_eq!(kept, [&ids[..5], &[late]].concat());
        assert_eq!(bench.store.dead_rows(100).await.unwrap().len(), 5);
    });
}
