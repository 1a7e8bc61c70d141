//! Rows that die, and what becomes of them and of their keys.

use std::{collections::BTreeSet, time::Duration};

use seaworthy_core::{
    message::{Message, MessageBuilder},
    outbox::{discard, redrive},
    ports::{Clock, DeadRowRequest, OutboxStore, OutboxWrites, PurgeRequest, Random, Store, Timestamp, WhenDead},
    stop::Stop,
};

use super::{config, leaving::crash_with_claim};
use crate::messaging::{Say, ms, on_bench};

#[test]
fn seed_41_one_poison_message_among_a_hundred_leaves_ninety_nine_dispatched_in_the_same_pass() {
    on_bench(1, async |bench| {
        let ids = bench.stage_many(100).await;
        let poison = ids[42];
        bench.broker.says(move |message, _| if message.id == poison { Say::Reject } else { Say::Accept });
        let report = bench.relay(config()).pass().await.unwrap();
        assert_eq!((report.claimed, report.dispatched, report.dead), (100, 99, 1));
        let dead = bench.store.dead_rows(&DeadRowRequest::new(10)).await.unwrap();
        assert_eq!(dead.iter().map(|dead| dead.row.message.id).collect::<Vec<_>>(), [poison]);
        assert!(dead[0].reason.contains("too large"), "{}", dead[0].reason);
    });
}

#[test]
fn a_message_that_keeps_failing_while_others_pass_is_given_up_after_its_attempts() {
    on_bench(4, async |bench| {
        let poison = bench.stage("order-poison", "order.placed").await;
        bench.broker.says(move |message, _| if message.id == poison { Say::LoseUnheard } else { Say::Accept });
        let stop = Stop::new();
        madsim::task::spawn(bench.relay(config()).stop(stop.clone()).run());
        for number in 0..900 {
            bench.stage(&format!("order-{number}"), "order.placed").await;
            bench.pass(ms(250)).await;
        }
        stop.set();
        let dead = bench.store.dead_rows(&DeadRowRequest::new(10)).await.unwrap();
        assert_eq!(dead.iter().map(|dead| dead.row.message.id).collect::<Vec<_>>(), [poison]);
        assert!(dead[0].reason.contains("while others pass"), "{}", dead[0].reason);
        let tries = bench.broker.times()[&poison];
        assert!((10..=12).contains(&tries), "{tries} tries");
        assert_eq!(bench.unsettled().await, 0);
    });
}

#[test]
fn seed_45_redriven_messages_keep_their_ids_and_are_dispatched() {
    on_bench(6, async |bench| {
        let ids = bench.stage_many(30).await;
        bench.broker.says(|_, _| Say::Reject);
        let mut relay = bench.relay(config());
        assert_eq!(relay.pass().await.unwrap().dead, 30);
        assert_eq!(relay.pass().await.unwrap().claimed, 0, "a dead row is not claimed");
        bench.broker.says(|_, _| Say::Accept);
        assert_eq!(redrive(&*bench.store, &DeadRowRequest::new(usize::MAX).only(&ids[..10])).await.unwrap(), 10);
        assert_eq!(relay.pass().await.unwrap().dispatched, 10);
        assert_eq!(redrive(&*bench.store, &DeadRowRequest::new(usize::MAX)).await.unwrap(), 20);
        assert_eq!(relay.pass().await.unwrap().dispatched, 20);
        let accepted = bench.broker.log().into_iter().filter(|published| published.said == Say::Accept);
        assert_eq!(accepted.map(|published| published.id).collect::<Vec<_>>(), ids);
        assert_eq!(redrive(&*bench.store, &DeadRowRequest::new(usize::MAX)).await.unwrap(), 0);
    });
}

#[test]
fn only_an_explicit_purge_deletes_dead_rows() {
    on_bench(7, async |bench| {
        bench.stage_many(3).await;
        bench.broker.says(|_, _| Say::Reject);
        bench.relay(config()).pass().await.unwrap();
        let of_a_minute_ago = async || {
            let until = Store::now(&*bench.store).await.unwrap().before(Duration::from_secs(60));
            discard(&*bench.store, &DeadRowRequest::new(10).died_until(until)).await.unwrap().len()
        };
        assert_eq!(of_a_minute_ago().await, 0);
        bench.pass(Duration::from_secs(61)).await;
        assert_eq!(of_a_minute_ago().await, 3);
        assert_eq!(bench.store.dead_rows(&DeadRowRequest::new(10)).await.unwrap(), []);
    });
}

/// Operators' verbs go through the store in batches of 500, and all the way.
#[test]
fn more_dead_rows_than_fit_one_batch_are_all_redriven_and_all_purged() {
    on_bench(20, async |bench| {
        bench.stage_many(1_203).await;
        bench.broker.says(|_, _| Say::Reject);
        for _ in 0..2 {
            let mut relay = bench.relay(config());
            while relay.pass().await.unwrap().claimed > 0 {}
            assert_eq!(bench.store.dead_rows(&DeadRowRequest::new(2_000)).await.unwrap().len(), 1_203);
            assert_eq!(redrive(&*bench.store, &DeadRowRequest::new(usize::MAX)).await.unwrap(), 1_203);
        }
        let mut relay = bench.relay(config());
        while relay.pass().await.unwrap().claimed > 0 {}
        assert_eq!(discard(&*bench.store, &DeadRowRequest::new(usize::MAX)).await.unwrap().len(), 1_203);
        assert_eq!(bench.store.dead_rows(&DeadRowRequest::new(1)).await.unwrap(), []);
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
            let mut relay = bench.relay(config().when_dead(when_dead));
            let mut total = 0;
            loop {
                let report = relay.pass().await.unwrap();
                total += report.dispatched;
                if report.claimed == 0 {
                    break;
                }
            }
            assert_eq!(total, dispatched, "{when_dead:?}");
            // The consumers of those that passed the dead one can see that something is missing.
            let log = bench.broker.log();
            let accepted = log.iter().filter(|published| published.said == Say::Accept);
            let gaps: Vec<_> = accepted.map(|published| (published.key.as_str(), published.gap)).collect();
            let expected = match when_dead {
                WhenDead::BlockKey => vec![("order-2", 0)],
                WhenDead::SkipDead => vec![("order-2", 0), ("order-1", 1), ("order-1", 1)],
            };
            assert_eq!(gaps, expected, "{when_dead:?}");
        });
    }
}

/// A hundred histories in which rows are staged, claimed and forgotten, accepted, refused and put off, beside purges of any
/// age and size.
#[test]
fn seed_46_no_purge_deletes_more_than_it_may_or_anything_that_was_not_dispatched_for_long_enough() {
    for seed in 0..100 {
        on_bench(seed, async move |bench| {
            let draw = |below: u64| bench.random.next_u64() % below;
            bench.broker.says({
                let dice = bench.random.clone();
                move |_, _| [Say::Accept, Say::Accept, Say::Reject, Say::Throttle][dice.next_u64() as usize % 4]
            });
            let (mut staged, mut gone) = (Vec::new(), BTreeSet::new());
            let mut relay = bench.relay(config().batch(5).when_dead(WhenDead::SkipDead));
            for _ in 0..60 {
                match draw(5) {
                    0 | 1 => {
                        let key = format!("order-{}", draw(6));
                        staged.push(bench.stage(&key, "order.placed").await);
                    }
                    2 => _ = relay.pass().await.unwrap(),
                    3 => _ = crash_with_claim(&bench).await,
                    _ => {
                        let request = PurgeRequest { older_than: ms(draw(200)), limit: draw(4) as usize };
                        let now = bench.clock.now();
                        let purged = bench.store.purge_dispatched(&request).await.unwrap();
                        assert!(purged.len() <= request.limit, "seed {seed}: {} at once", purged.len());
                        let log = bench.broker.log();
                        for id in purged {
                            let accepted = log.iter().find(|it| it.id == id && it.said == Say::Accept);
                            let accepted = accepted.unwrap_or_else(|| panic!("seed {seed}: it was not dispatched"));
                            assert!(now.since(accepted.at) >= request.older_than, "seed {seed}: too early");
                            assert!(gone.insert(id), "seed {seed}: it was gone");
                        }
                    }
                }
                bench.pass(ms(draw(40))).await;
            }
            // What was not purged is there, whatever became of it: it can't be staged again.
            let mut there = BTreeSet::new();
            for id in &staged {
                let again = MessageBuilder::new("orders", "order.placed", "order-x");
                let again = Message { id: *id, ..again.derive(id.0, &[], Timestamp::EPOCH) };
                let mut tx = Store::begin(&*bench.store).await.unwrap();
                if OutboxWrites::stage(&mut *tx, &again).await.is_err() {
                    there.insert(*id);
                }
            }
            assert_eq!(there.len() + gone.len(), staged.len(), "seed {seed}");
            assert!(there.is_disjoint(&gone), "seed {seed}");
        });
    }
}

#[test]
fn seed_46_retention_deletes_dispatched_rows_only_beside_a_running_relay() {
    on_bench(16, async |bench| {
        let ids = bench.stage_many(30).await;
        bench.broker.says(|message, _| if message.sequence <= 5 { Say::Reject } else { Say::Accept });
        let stop = Stop::new();
        madsim::task::spawn(bench.relay(config()).stop(stop.clone()).run());
        let keep = seaworthy_core::outbox::OutboxRetention::default().keep(ms(5_000)).batch(4).every(ms(1_000));
        madsim::task::spawn(keep.run_from_parts(bench.store.clone(), bench.clock.clone(), stop.clone()));
        bench.pass(ms(4_000)).await;
        let late = bench.stage("order-late", "order.placed").await;
        bench.pass(ms(3_500)).await;
        stop.set();
        // What is purged may be staged again under its id; what is there conflicts.
        let mut kept = Vec::new();
        for id in ids.iter().chain([&late]) {
            let mut message = seaworthy_core::message::MessageBuilder::new("orders", "order.placed", "order-x").derive(
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
        assert_eq!(bench.store.dead_rows(&DeadRowRequest::new(100)).await.unwrap().len(), 5);
    });
}
