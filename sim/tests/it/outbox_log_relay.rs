//! The relay that tails the log, over the simulated store and broker.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::messaging::{Say, ms, on_bench};
use seaworthy_core::{
    backoff::Backoff,
    ids::MessageId,
    outbox::{RelayConfig, discard, redrive},
    ports::{BrokerError, Clock, DeadRowRequest, OutboxStore, PurgeRequest, Random, WhenDead},
    stop::Stop,
    wake::Wake,
};

fn config() -> RelayConfig {
    RelayConfig::default()
}

fn skipping() -> RelayConfig {
    config().when_dead(WhenDead::SkipDead)
}

#[test]
fn seed_48_what_is_acknowledged_is_dispatched_and_the_position_waits_in_front_of_the_first_that_is_not() {
    on_bench(1, async |bench| {
        let ids = bench.stage_many(100).await;
        let poison = ids[42];
        bench.broker.says(move |message, _| if message.id == poison { Say::Reject } else { Say::Accept });
        let mut relay = bench.log_relay(config());
        let report = relay.pass().await.unwrap();
        assert_eq!((report.claimed, report.dispatched, report.dead), (100, 99, 1));
        assert_eq!(bench.position().await, Some(42));
        let dead = bench.store.dead_rows(&DeadRowRequest::new(10)).await.unwrap();
        assert_eq!(dead.iter().map(|dead| dead.row.message.id).collect::<Vec<_>>(), [poison]);
        assert!(dead[0].reason.contains("too large"), "{}", dead[0].reason);

        bench.broker.says(|_, _| Say::Accept);
        assert_eq!(relay.pass().await.unwrap().claimed, 0, "a dead row is not published");
        assert_eq!(redrive(&*bench.store, &DeadRowRequest::new(usize::MAX)).await.unwrap(), 1);
        assert_eq!(relay.pass().await.unwrap().dispatched, 1);
        assert_eq!(bench.position().await, Some(100));
        assert_eq!(bench.broker.times()[&poison], 2, "under the same id");
        assert_eq!(bench.broker.times().values().sum::<usize>(), 101, "and nothing else twice");
        let purge = PurgeRequest { older_than: Duration::ZERO, limit: 200 };
        assert_eq!(bench.store.purge_dispatched(&purge).await.unwrap().len(), 100, "retention gets them all");
    });
}

#[test]
fn the_position_passes_a_dead_row_that_is_skipped_and_a_redrive_brings_it_back_from_behind() {
    on_bench(2, async |bench| {
        let first = bench.stage("order-1", "order.placed").await;
        let second = bench.stage("order-1", "order.paid").await;
        bench.broker.says(move |message, _| if message.id == first { Say::Reject } else { Say::Accept });
        let mut relay = bench.log_relay(skipping());
        assert_eq!(relay.pass().await.unwrap().dead, 1);
        assert_eq!(bench.broker.times().get(&second), None, "its death is stored before the next one goes out");
        assert_eq!(relay.pass().await.unwrap().dispatched, 1);
        assert_eq!(bench.position().await, Some(2));
        bench.broker.says(|_, _| Say::Accept);
        assert_eq!(redrive(&*bench.store, &DeadRowRequest::new(usize::MAX).only([first])).await.unwrap(), 1);
        assert_eq!(relay.pass().await.unwrap().dispatched, 1);
        assert_eq!((bench.broker.times()[&first], bench.unsettled().await), (2, 0));
        assert_eq!(bench.position().await, Some(2), "a position never goes back");
        let log = bench.broker.log();
        let accepted = log.iter().filter(|published| published.said == Say::Accept);
        let gaps: Vec<_> = accepted.map(|published| (published.id, published.gap)).collect();
        assert_eq!(gaps, [(second, 1), (first, 0)], "the later one carries the gap that the redrive fills");
    });
}

#[test]
fn a_relay_that_is_behind_another_of_its_name_does_not_take_the_position_back() {
    on_bench(21, async |bench| {
        bench.stage("order-1", "order.placed").await;
        let mut behind = bench.log_relay(skipping());
        assert_eq!(behind.pass().await.unwrap().dispatched, 1);
        let refused = bench.stage("order-2", "order.placed").await;
        bench.stage("order-3", "order.placed").await;
        bench.broker.says(move |message, _| if message.id == refused { Say::Reject } else { Say::Accept });
        let mut ahead = bench.log_relay(skipping());
        while ahead.pass().await.unwrap().claimed > 0 {}
        assert_eq!(bench.position().await, Some(3));
        bench.broker.says(|_, _| Say::Accept);
        assert_eq!(redrive(&*bench.store, &DeadRowRequest::new(usize::MAX)).await.unwrap(), 1);
        assert_eq!(behind.pass().await.unwrap().dispatched, 1);
        assert_eq!(bench.position().await, Some(3), "where the other one left it");
    });
}

/// Twenty rows wait behind a dead one, four times as many as a batch holds.
#[test]
fn a_dead_row_blocks_its_key_however_many_rows_wait_behind_it_and_other_keys_go_on() {
    on_bench(3, async |bench| {
        let first = bench.stage("order-1", "order.placed").await;
        for _ in 0..20 {
            bench.stage("order-1", "order.changed").await;
        }
        let others = bench.stage_many(1).await;
        bench.broker.says(move |message, _| if message.id == first { Say::Reject } else { Say::Accept });
        let small = config().batch(5);
        let stop = Stop::new();
        madsim::task::spawn(bench.log_relay(small).stop(stop.clone()).run());
        bench.pass(Duration::from_secs(5)).await;
        assert_eq!(bench.broker.times().keys().copied().collect::<BTreeSet<_>>(), [first, others[0]].into());
        assert_eq!(bench.position().await, Some(0));
        assert_eq!(discard(&*bench.store, &DeadRowRequest::new(usize::MAX)).await.unwrap().len(), 1);
        bench.pass(Duration::from_secs(5)).await;
        assert_eq!((bench.unsettled().await, bench.position().await), (0, Some(22)));
        stop.set();
    });
}

/// One to eight relays on one log, five keys and a broker that fails a third of the time in each way that is not definitive.
#[test]
fn seed_43_messages_of_a_key_are_first_accepted_in_commit_order_however_the_broker_fails() {
    for seed in 0..48 {
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
            for _ in 0..1 + seed % 8 {
                let quick = config().backoff(Backoff::new(ms(10), ms(50)));
                madsim::task::spawn(bench.log_relay(quick).stop(stop.clone()).run());
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

#[test]
fn an_outage_of_an_hour_buries_nothing_moves_nothing_and_costs_few_calls() {
    for failure in [BrokerError::Unavailable("down".into()), BrokerError::Unknown("timeout".into())] {
        on_bench(5, async |bench| {
            let staged = bench.stage_many(20).await;
            bench.broker.fails(Some(failure));
            let stop = Stop::new();
            let task = madsim::task::spawn(bench.log_relay(config()).stop(stop.clone()).run());
            bench.pass(Duration::from_secs(3_600)).await;
            // At the cap a pause takes 5 s at least, and below it there are seven.
            let calls = bench.broker.calls();
            assert!((200..740).contains(&calls), "{calls} calls in an outage");
            assert_eq!((bench.position().await, bench.unsettled().await), (None, 20));
            bench.broker.fails(None);
            bench.pass(Duration::from_secs(16)).await;
            stop.set();
            task.await.unwrap();
            assert_eq!((bench.position().await, bench.unsettled().await), (Some(20), 0));
            assert_eq!(bench.store.dead_rows(&DeadRowRequest::new(100)).await.unwrap(), []);
            assert_eq!(bench.broker.times().len(), staged.len());
        });
    }
}

#[test]
fn a_message_that_keeps_failing_while_others_pass_is_given_up_after_its_attempts() {
    on_bench(6, async |bench| {
        let poison = bench.stage("order-poison", "order.placed").await;
        bench.broker.says(move |message, _| if message.id == poison { Say::LoseUnheard } else { Say::Accept });
        let stop = Stop::new();
        madsim::task::spawn(bench.log_relay(config()).stop(stop.clone()).run());
        for number in 0..900 {
            bench.stage(&format!("order-{number}"), "order.placed").await;
            bench.pass(ms(250)).await;
        }
        stop.set();
        let dead = bench.store.dead_rows(&DeadRowRequest::new(10)).await.unwrap();
        assert_eq!(dead.iter().map(|dead| dead.row.message.id).collect::<Vec<_>>(), [poison]);
        assert!(dead[0].reason.contains("while others pass"), "{}", dead[0].reason);
        // Those at which nothing else was under way say nothing about it.
        let tries = bench.broker.times()[&poison];
        assert!((10..=20).contains(&tries), "{tries} tries");
        assert_eq!((bench.unsettled().await, bench.position().await), (0, Some(0)));
    });
}

#[test]
fn a_throttled_message_holds_nobody_back_and_is_given_up_only_while_others_pass() {
    for others_pass in [false, true] {
        on_bench(7, async move |bench| {
            let ids = bench.stage_many(10).await;
            let throttled = ids[0];
            bench.broker.says(move |message, now| {
                let healed = now.since(seaworthy_core::ports::Timestamp::EPOCH) > Duration::from_secs(600);
                if message.id == throttled && !healed { Say::Throttle } else { Say::Accept }
            });
            let mut relay = bench.log_relay(config());
            let report = relay.pass().await.unwrap();
            assert_eq!((report.dispatched, report.released), (9, 1));
            let stop = Stop::new();
            madsim::task::spawn(relay.stop(stop.clone()).run());
            for number in 0..620 {
                if others_pass {
                    bench.stage(&format!("order-later-{number}"), "order.placed").await;
                }
                bench.pass(Duration::from_secs(1)).await;
            }
            stop.set();
            let dead = bench.store.dead_rows(&DeadRowRequest::new(10)).await.unwrap();
            let dead: Vec<_> = dead.iter().map(|dead| dead.row.message.id).collect();
            let (given_up, position) = if others_pass { (vec![throttled], 0) } else { (vec![], 10) };
            assert_eq!((bench.unsettled().await, bench.position().await), (0, Some(position)));
            assert_eq!(dead, given_up);
        });
    }
}

/// Every batch size from 1 to 120, on 61 messages of 12 keys of which every tenth is refused: one more than a multiple of
/// many sizes, so that last batches are partial.
#[test]
fn seed_36_the_outcome_is_the_same_for_every_batch_size() {
    let outcome = |batch: usize| {
        let (sender, receiver) = std::sync::mpsc::channel();
        on_bench(8, async move |bench| {
            for number in 0..61 {
                bench.stage(&format!("order-{}", number % 12), "order.placed").await;
            }
            bench.broker.says(|message, _| if message.sequence % 10 == 0 { Say::Reject } else { Say::Accept });
            let mut relay = bench.log_relay(skipping().batch(batch));
            while relay.pass().await.unwrap().claimed > 0 {}
            let dead = bench.store.dead_rows(&DeadRowRequest::new(100)).await.unwrap();
            let mut dead: Vec<_> = dead.iter().map(|dead| (dead.row.message.sequence, dead.reason.clone())).collect();
            dead.sort();
            let mut sent: BTreeMap<String, Vec<(MessageId, Say)>> = BTreeMap::new();
            for published in bench.broker.log() {
                sent.entry(published.key).or_default().push((published.id, published.said));
            }
            sender.send((dead, format!("{sent:?}"), bench.unsettled().await, bench.position().await)).unwrap();
        });
        receiver.recv().unwrap()
    };
    let first = outcome(1);
    assert_eq!((first.0.len(), first.2, first.3), (6, 0, Some(61)));
    for batch in 2..=120 {
        assert_eq!(outcome(batch), first, "batch {batch}");
    }
}

#[test]
fn seed_39_a_graceful_stop_finishes_and_stores_what_is_in_flight() {
    // The stop comes before, in and after the first publish, which takes 10 ms; the key's next row is a publish more.
    for (at, sent) in [(0, 0), (1, 1), (5, 1), (9, 1), (15, 2)] {
        on_bench(9, async move |bench| {
            for _ in 0..5 {
                bench.stage("order-1", "order.changed").await;
            }
            bench.broker.takes(ms(10));
            let stop = Stop::new();
            let task = madsim::task::spawn(bench.log_relay(config()).stop(stop.clone()).run());
            if at > 0 {
                bench.pass(ms(at)).await;
            }
            stop.set();
            task.await.unwrap();
            assert_eq!((bench.broker.calls(), bench.unsettled().await), (sent, 5 - sent), "stop after {at} ms");
            assert_eq!(bench.log_relay(config()).pass().await.unwrap().dispatched as u64, 5 - sent);
            assert!(bench.broker.times().values().all(|times| *times == 1), "stop after {at} ms");
        });
    }
}

/// Dropped while the second of two publishes is under way: the first one's acknowledgement was not stored either. Two rows have gone
/// alone before, as many as a batch holds, and nothing is counted any more.
#[test]
fn seed_36_what_was_published_and_not_stored_is_published_again_under_its_id_and_what_was_stored_is_not() {
    on_bench(10, async |bench| {
        let stored = bench.stage("order-1", "order.placed").await;
        bench.stage("order-2", "order.placed").await;
        let mut crashing = bench.log_relay(config().batch(2));
        assert_eq!(crashing.pass().await.unwrap().dispatched, 2);
        let again = bench.stage("order-1", "order.paid").await;
        let late = bench.stage("order-1", "order.shipped").await;
        bench.broker.takes(ms(10));
        assert!(madsim::time::timeout(ms(15), crashing.pass()).await.is_err());
        assert_eq!((bench.position().await, bench.unsettled().await), (Some(2), 2));
        assert_eq!(bench.log_relay(config()).pass().await.unwrap().dispatched, 2, "nothing waits for a lease");
        let times = bench.broker.times();
        assert_eq!((times[&stored], times[&again], times[&late]), (1, 2, 1));
        assert_eq!(bench.position().await, Some(4));
    });
}

/// The first rows after a start are stored one by one: what is in hand at a death is one row, and known to be.
#[test]
fn of_the_first_rows_after_a_start_a_death_tries_only_the_one_again_that_was_in_hand() {
    on_bench(10, async |bench| {
        let stored = bench.stage("order-1", "order.placed").await;
        let in_hand = bench.stage("order-2", "order.placed").await;
        let late = bench.stage("order-3", "order.placed").await;
        bench.broker.takes(ms(10));
        let mut crashing = bench.log_relay(config());
        assert!(madsim::time::timeout(ms(15), crashing.pass()).await.is_err());
        assert_eq!((bench.position().await, bench.unsettled().await), (Some(1), 2));
        assert_eq!(bench.log_relay(config()).pass().await.unwrap().dispatched, 2);
        let log: Vec<_> = bench.broker.log().into_iter().map(|published| published.id).collect();
        assert_eq!(log, [stored, late, in_hand], "what was in hand never arrived, and comes last");
    });
}

/// A service changes from one relay to the other while the old one still holds a claim, and back.
#[test]
fn a_change_between_the_two_kinds_of_relay_loses_nothing_and_keeps_the_order_of_keys() {
    on_bench(11, async |bench| {
        let first = bench.stage("order-1", "order.placed").await;
        let second = bench.stage("order-1", "order.paid").await;
        bench.broker.takes(ms(10));
        let mut crashing = bench.relay(config());
        assert!(madsim::time::timeout(ms(5), crashing.pass()).await.is_err());
        let mut log_relay = bench.log_relay(config());
        assert_eq!(log_relay.pass().await.unwrap().claimed, 0, "the first row of the key is out under a lease");
        bench.pass(Duration::from_secs(31)).await;
        assert_eq!(log_relay.pass().await.unwrap().dispatched, 1, "what was in hand at a death goes alone");
        assert_eq!(log_relay.pass().await.unwrap().dispatched, 1);
        let third = bench.stage("order-1", "order.shipped").await;
        assert_eq!(bench.relay(config()).pass().await.unwrap().dispatched, 1);
        let order: Vec<_> = bench.broker.log().into_iter().map(|published| published.id).collect();
        assert_eq!(order, [first, second, third]);
        let fourth = bench.stage("order-1", "order.delivered").await;
        assert_eq!(log_relay.pass().await.unwrap().dispatched, 1);
        assert_eq!((bench.broker.times()[&fourth], bench.position().await), (1, Some(4)));
    });
}

#[test]
fn seed_58_a_hint_makes_dispatch_immediate_and_polling_alone_finds_everything() {
    for (hint, soonest, latest) in [(true, 0, 1), (false, 1, 900)] {
        on_bench(12, async move |bench| {
            let (wake, stop) = (Wake::new(), Stop::new());
            madsim::task::spawn(bench.log_relay_with(config(), wake.clone()).stop(stop.clone()).run());
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
