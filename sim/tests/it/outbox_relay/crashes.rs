//! A relay that is cut at each of its calls.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use seaworthy_core::{
    backoff::Backoff,
    outbox::{Relay, RelayConfig, redrive},
    ports::{Broker, Clock, DeadRowRequest, OutboxStore, Store, Timestamp},
};

use super::config;
use crate::{
    messaging::{Bench, Say, ms, on_bench},
    saga_support::gate::{Disposition, Gate},
};

/// A relay whose calls to store and broker pass a gate.
fn gated(bench: &Bench, gate: &Arc<Gate>, config: RelayConfig) -> Relay {
    let (store, broker) =
        (gate.before::<dyn Store>(bench.store.clone()), gate.before::<dyn Broker>(bench.broker.clone()));
    Relay::from_parts(store, broker, bench.clock.clone(), bench.random.clone()).config(config)
}

/// Forty messages in batches of ten, and a relay that dies before or after each of its calls: what it had in flight is
/// published once more at most, and nothing that was settled.
#[test]
fn seed_36_a_crash_in_the_middle_publishes_again_what_was_in_flight_and_nothing_else() {
    let mut again = 0;
    for call in 0..12 {
        for strike in [Disposition::CrashBefore, Disposition::CrashAfter] {
            let (sender, receiver) = std::sync::mpsc::channel();
            on_bench(36, async move |bench| {
                let ids = bench.stage_many(40).await;
                let gate = Gate::striking_any([(call, strike)]);
                let mut dying = gated(&bench, &gate, config().batch(10));
                let all = async { while dying.pass().await.unwrap().claimed > 0 {} };
                assert!(madsim::time::timeout(ms(500), all).await.is_err(), "call {call} ends it");
                let left = bench.unsettled().await as usize;
                // What was claimed comes back when its lease of 30 s has ended.
                for _ in 0..2 {
                    let mut next = bench.relay(config().batch(10));
                    while next.pass().await.unwrap().claimed > 0 {}
                    bench.pass(Duration::from_secs(31)).await;
                }
                assert_eq!(bench.unsettled().await, 0);
                let times = bench.broker.times();
                assert!(ids.iter().all(|id| (1..=2).contains(&times[id])), "call {call}, {strike:?}");
                let twice: Vec<_> = ids.iter().filter(|id| times[id] == 2).collect();
                assert!(twice.len() <= 10, "call {call}, {strike:?}: {} of a batch of ten", twice.len());
                let settled = &ids[..40 - left];
                assert!(settled.iter().all(|id| times[id] == 1), "call {call}, {strike:?}: it was settled");
                sender.send(twice.len()).expect("it is waited for");
            });
            again += receiver.recv().expect("the run has ended");
        }
    }
    // After each of four publishes, and before each of four settlements.
    assert_eq!(again, 80);
}

/// A process's clock that is wrong by so many days.
struct Wrong(Arc<dyn Clock>, i64);

#[async_trait]
impl Clock for Wrong {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.now().as_micros() + self.1 * 86_400_000_000)
    }

    async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration).await;
    }
}

/// One message fails each time while others pass, in relays of which each has one pass to live.
#[test]
fn seed_44_attempts_outlast_their_relays_and_delays_go_by_the_clock_of_the_store() {
    for days in [-1, 0, 1] {
        on_bench(44, async move |bench| {
            let failing = bench.stage("order-failing", "order.placed").await;
            bench.broker.says(move |message, _| if message.id == failing { Say::LoseUnheard } else { Say::Accept });
            let config = config().backoff(Backoff::new(ms(100), ms(1_600))).max_attempts(100);
            for number in 0..2_500 {
                bench.stage(&format!("order-{number}"), "order.placed").await;
                let (clock, random) = (Arc::new(Wrong(bench.clock.clone(), days)), bench.random.clone());
                let mut relay = Relay::from_parts(bench.store.clone(), bench.broker.clone(), clock, random);
                relay = relay.config(config.clone());
                relay.pass().await.unwrap();
                bench.pass(ms(5)).await;
            }
            let tries: Vec<_> = bench.broker.log().into_iter().filter(|it| it.id == failing).map(|it| it.at).collect();
            assert!(tries.len() >= 8, "{days} days: {tries:?}");
            for (failures, two) in tries.windows(2).enumerate() {
                let (level, gap) = (ms(100_u64 << failures.min(4)), two[1].since(two[0]));
                // It is found at the next look, some 5 ms later at most.
                let latest = level * 3 / 2 + ms(7);
                assert!(gap >= level / 2 && gap <= latest, "{days} days: {gap:?} after {failures} failures");
            }
        });
    }
}

/// Buries a message that the broker refuses; then the broker is mended, and the message is asked for again.
async fn bury_and_redrive(bench: &Bench, gate: &Arc<Gate>) {
    let mut relay = gated(bench, gate, config());
    for _ in 0..10 {
        if !matches!(relay.pass().await, Ok(report) if report.claimed > 0) {
            bench.pass(ms(10)).await;
        }
        if !bench.store.dead_rows(&DeadRowRequest::new(10)).await.unwrap().is_empty() {
            break;
        }
    }
    let store = gate.before::<dyn Store>(bench.store.clone());
    for _ in 0..3 {
        _ = redrive(&*store, &DeadRowRequest::new(10)).await;
    }
}

#[test]
fn seed_45_wherever_a_burial_or_a_redrive_is_cut_the_row_is_in_one_place_and_keeps_its_id() {
    let (mut runs, mut dead) = (0, 0);
    for call in 0.. {
        let mut reached = true;
        for strike in Disposition::ALL {
            let (sender, receiver) = std::sync::mpsc::channel();
            on_bench(45, async move |bench| {
                let id = bench.stage("order-1", "order.placed").await;
                bench.broker.says(|_, _| Say::Reject);
                let gate = Gate::striking_any([(call, strike)]);
                // A process that was struck dead never ends.
                _ = madsim::time::timeout(Duration::from_secs(5), bury_and_redrive(&bench, &gate)).await;
                let reached = gate.calls() > call;
                let places = async || {
                    let dead = bench.store.dead_rows(&DeadRowRequest::new(10)).await.unwrap();
                    assert_eq!(bench.unsettled().await as usize + dead.len(), 1, "call {call}, {strike:?}");
                    dead
                };
                let found = places().await;
                if let [dead] = &found[..] {
                    assert_eq!(dead.row.message.id, id, "call {call}, {strike:?}");
                    assert!(dead.reason.contains("too large"), "{}", dead.reason);
                    assert!(dead.died_at <= Store::now(&*bench.store).await.unwrap());
                }
                // Another relay buries it, if it was not dead, once the lease of the first has ended.
                bench.pass(Duration::from_secs(31)).await;
                bench.relay(config()).pass().await.unwrap();
                let again = places().await;
                assert_eq!((again.len(), again[0].row.message.id), (1, id), "call {call}, {strike:?}");
                bench.broker.says(|_, _| Say::Accept);
                assert_eq!(redrive(&*bench.store, &DeadRowRequest::new(10)).await.unwrap(), 1);
                assert_eq!(bench.relay(config()).pass().await.unwrap().dispatched, 1);
                assert!(bench.broker.log().iter().all(|published| published.id == id));
                sender.send((reached, found.len())).expect("it is waited for");
            });
            let (struck, found) = receiver.recv().expect("the run has ended");
            (reached, runs, dead) = (reached && struck, runs + 1, dead + found);
        }
        if !reached {
            break;
        }
    }
    assert!(runs > 30 && (1..runs).contains(&dead), "{runs} runs, of which {dead} were cut while it was dead");
}
