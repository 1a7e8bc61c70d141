//! A runtime of one thread: what drains a store in the process lets timers and other tasks go on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use seaworthy_core::{
    outbox::{LogRelay, Relay},
    ports::{Random, Store},
    stop::Stop,
};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};
use seaworthy_tokio::TokioClock;
use tokio::runtime::Builder;

use crate::support::{Dice, broker::ScriptedBroker, messages::message};

const ROWS: usize = 20_000;

/// Drains an outbox of many rows, and counts how often a timer of a millisecond has ticked meanwhile.
fn ticks_while_it_drains(by_log: bool) -> usize {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let clock = Arc::new(TokioClock);
        let store = SqliteStore::open_in_memory(clock.clone(), SqliteConfig::simulation()).expect("a database");
        let mut tx = store.begin().await.expect("up");
        for number in 0..ROWS {
            tx.stage(&message("orders", number)).await.expect("up");
        }
        tx.commit().await.expect("up");
        let store: Arc<dyn Store> = Arc::new(store);
        let broker = Arc::new(ScriptedBroker::new(clock.clone()));
        let random: Arc<dyn Random> = Arc::new(Dice::seeded(1));
        let (ticks, stop) = (Arc::new(AtomicUsize::new(0)), Stop::new());
        let (counted, counter, drained) = (ticks.clone(), store.clone(), stop.clone());
        let ticker = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(1)).await;
                if counter.backlog().await.expect("up").outbox_unsettled == 0 {
                    drained.set();
                    return;
                }
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        match by_log {
            true => LogRelay::from_parts(store, broker.clone(), clock, random, "log").stop(stop).run().await,
            false => Relay::from_parts(store, broker.clone(), clock, random).stop(stop).run().await,
        }
        ticker.await.expect("no panic");
        assert_eq!(broker.accepted_of("orders"), ROWS);
        ticks.load(Ordering::Relaxed)
    })
}

/// Two hundred batches, of which each takes longer than a tick.
#[test]
fn a_relay_that_drains_a_store_in_the_process_lets_timers_go_on() {
    for by_log in [false, true] {
        let ticks = ticks_while_it_drains(by_log);
        assert!(ticks >= 50, "{ticks} ticks, by log: {by_log}");
    }
}
