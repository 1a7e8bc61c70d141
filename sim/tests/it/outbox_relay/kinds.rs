//! Relays that poll, that are hinted to and that tail the log: what comes of them is the same.

use std::{collections::BTreeMap, time::Duration};

use seaworthy_core::{
    ids::MessageId,
    ports::{DeadRowRequest, OutboxStore, WhenDead},
    stop::Stop,
    wake::Wake,
};

use super::config;
use crate::messaging::{Say, ms, on_bench};

#[derive(Clone, Copy, Debug)]
enum Kind {
    Polls,
    IsHintedTo,
    TailsTheLog,
}

/// What a relay came to: the dead, what each key was told, and what is left.
type End = (Vec<(u64, String)>, BTreeMap<String, Vec<(MessageId, Say)>>, u64);

/// Sixty messages of twelve keys that are staged while the relay runs; every tenth of them is refused.
fn end(kind: Kind, seed: u64) -> End {
    let (sender, receiver) = std::sync::mpsc::channel();
    on_bench(seed, async move |bench| {
        bench.broker.says(|message, _| if message.sequence % 10 == 0 { Say::Reject } else { Say::Accept });
        bench.broker.takes(ms(2));
        let (wake, stop, config) = (Wake::new(), Stop::new(), config().when_dead(WhenDead::SkipDead).batch(7));
        match kind {
            Kind::Polls => {
                madsim::task::spawn(bench.relay(config).stop(stop.clone()).run());
            }
            Kind::IsHintedTo => {
                madsim::task::spawn(bench.relay_with(config, wake.clone()).stop(stop.clone()).run());
            }
            Kind::TailsTheLog => {
                madsim::task::spawn(bench.log_relay(config).stop(stop.clone()).run());
            }
        }
        // Ids are drawn before anything else is, so that they are the same whatever relay draws.
        let mut messages = Vec::new();
        for number in 0..60 {
            let key = format!("order-{}", number % 12);
            let builder = seaworthy_core::message::MessageBuilder::new("orders", "order.placed", &*key);
            let id = uuid::Uuid::from_u128(number + 1);
            messages.push(builder.derive(id, &["placed"], seaworthy_core::ports::Timestamp::EPOCH));
        }
        for (number, message) in messages.iter().enumerate() {
            let mut tx = seaworthy_core::ports::Store::begin(&*bench.store).await.unwrap();
            seaworthy_core::ports::OutboxWrites::stage(&mut *tx, message).await.unwrap();
            tx.commit().await.unwrap();
            wake.hint();
            bench.pass(ms(number as u64 % 4 * 10)).await;
        }
        bench.pass(Duration::from_secs(60)).await;
        stop.set();
        let dead = bench.store.dead_rows(&DeadRowRequest::new(100)).await.unwrap();
        let mut dead: Vec<_> = dead.iter().map(|dead| (dead.row.message.sequence, dead.reason.to_string())).collect();
        dead.sort();
        let mut told: BTreeMap<String, Vec<(MessageId, Say)>> = BTreeMap::new();
        for published in bench.broker.log() {
            told.entry(published.key).or_default().push((published.id, published.said));
        }
        sender.send((dead, told, bench.unsettled().await)).expect("it is waited for");
    });
    receiver.recv().expect("the run has ended")
}

#[test]
fn seed_48_whether_a_relay_polls_is_hinted_to_or_tails_the_log_comes_to_the_same() {
    for seed in 0..10 {
        let polls = end(Kind::Polls, seed);
        assert_eq!((polls.0.len(), polls.1.values().map(Vec::len).sum::<usize>(), polls.2), (6, 60, 0));
        for kind in [Kind::IsHintedTo, Kind::TailsTheLog] {
            assert_eq!(end(kind, seed), polls, "{kind:?}, seed {seed}");
        }
    }
}
