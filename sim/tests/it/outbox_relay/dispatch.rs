//! What is dispatched, by how many, in which order and when.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use seaworthy_core::{
    backoff::Backoff,
    ids::MessageId,
    outbox::Relay,
    ports::{Broker, Clock, DeadRowRequest, OutboxStore, Random, Store, WhenDead},
    stop::Stop,
    wake::Wake,
};

use super::config;
use crate::{
    messaging::{Say, ms, on_bench},
    saga_support::gate::Gate,
};

#[test]
fn seed_40_up_to_eight_relays_on_one_store_publish_each_message_once_while_no_lease_ends() {
    for relays in 1..=8 {
        on_bench(relays, async move |bench| {
            let staged = bench.stage_many(300).await;
            bench.broker.takes(ms(3));
            let stop = Stop::new();
            let tasks: Vec<_> = (0..relays)
                .map(|_| madsim::task::spawn(bench.relay(config().batch(7)).stop(stop.clone()).run()))
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

/// One to eight relays, five keys and a broker that fails a third of the time in each way that is not definitive. The
/// relays take their time about each call, and every 40 ms one of them dies, in the middle of something, and another begins.
#[test]
fn seed_43_messages_of_a_key_are_first_accepted_in_commit_order_whatever_relays_and_broker_do() {
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
            let begin = || {
                let gate = Gate::slow_at_any(ms(1));
                let quick = config().backoff(Backoff::new(ms(10), ms(50))).lease(ms(300)).publish_limit(ms(200));
                let store = gate.before::<dyn Store>(bench.store.clone());
                let broker = gate.before::<dyn Broker>(bench.broker.clone());
                let relay = Relay::from_parts(store, broker, bench.clock.clone(), bench.random.clone());
                madsim::task::spawn(relay.config(quick.batch(7)).run());
                gate
            };
            let mut relays: Vec<_> = (0..1 + seed % 8).map(|_| begin()).collect();
            for _ in 0..20 {
                bench.pass(ms(40)).await;
                let dying = bench.random.next_u64() as usize % relays.len();
                relays[dying].kill();
                relays[dying] = begin();
            }
            bench.pass(Duration::from_secs(60)).await;
            relays.iter().for_each(|relay| relay.kill());
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

/// Every batch size from 1 to 500, on 61 messages of 12 keys of which every tenth is refused: one more than a multiple of
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
            let mut relay = bench.relay(config().batch(batch).when_dead(WhenDead::SkipDead));
            while relay.pass().await.unwrap().claimed > 0 {}
            let dead = bench.store.dead_rows(&DeadRowRequest::new(100)).await.unwrap();
            let mut dead: Vec<_> = dead.iter().map(|dead| (dead.row.message.sequence, dead.reason.clone())).collect();
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
fn seed_58_a_hint_makes_dispatch_immediate_and_polling_alone_finds_everything() {
    for (hint, soonest, latest) in [(true, 0, 1), (false, 1, 900)] {
        on_bench(15, async move |bench| {
            let (wake, stop) = (Wake::new(), Stop::new());
            madsim::task::spawn(bench.relay_with(config(), wake.clone()).stop(stop.clone()).run());
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
