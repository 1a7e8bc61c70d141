//! The world's schedule: which of several ready tasks goes next is drawn, and any task can be stalled.

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::ports::{Expected, Store, StoreError};
use seaworthy_sim::{
    invariants::{Interest, Invariant, Judge, Mode},
    plan::{FORMAT, Latency, Plan, Schedule},
    scenario::{Client, Draw, Scenario, Topology, Workload},
    trace::{Effect, Event, What},
    world::{RunOptions, run},
};
use serde::{Deserialize, Serialize};

/// A reader reads twice, each time in a transaction of its own; a writer makes `calls` port calls after the reader's
/// first read and then writes.
struct Race;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Calls {
    calls: usize,
}

impl Workload for Calls {
    fn len(&self) -> usize {
        1
    }

    fn without(&self, _: std::ops::Range<usize>) -> Self {
        self.clone()
    }
}

async fn version(store: &dyn Store, id: &str) -> Result<i64, StoreError> {
    let mut tx = store.begin().await?;
    let document = tx.get("race", id).await?;
    Ok(document.map_or(0, |document| document.version as i64))
}

async fn write(store: &dyn Store, id: &str) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    tx.put("race", id, Expected::Any, Bytes::from_static(b"1")).await?;
    tx.commit().await
}

async fn note(store: &dyn Store, fact: &'static str, value: i64) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    tx.observe(fact, "race", value);
    tx.commit().await
}

#[async_trait]
impl Scenario for Race {
    type Workload = Calls;

    fn name(&self) -> &str {
        "race"
    }

    fn about(&self) -> &str {
        "a writer between two adjacent reads"
    }

    fn topology(&self) -> Topology {
        Topology::new()
            .without_protocol()
            .process("reader", "reader", "shared", |boot| async move {
                let Some(request) = boot.ports.ingress.next().await else { return };
                let store = boot.ports.store;
                write(&*store, "start").await.expect("calm");
                let first = version(&*store, "value").await.expect("calm");
                let second = version(&*store, "value").await.expect("calm");
                note(&*store, "between", i64::from(first == 0 && second == 1)).await.expect("calm");
                request.response.accept(Bytes::new());
            })
            .process("writer", "writer", "shared", |boot| async move {
                let Some(request) = boot.ports.ingress.next().await else { return };
                let calls: usize = serde_json::from_slice(&request.body).expect("a number");
                request.response.accept(Bytes::new());
                let store = boot.ports.store;
                while version(&*store, "start").await.expect("calm") == 0 {}
                for _ in 0..calls {
                    store.backlog().await.expect("calm");
                }
                write(&*store, "value").await.expect("calm");
            })
    }

    fn workload(&self, _: &mut Draw) -> Calls {
        Calls { calls: 0 }
    }

    fn invariants(&self, _: &Calls) -> Vec<Box<dyn Invariant>> {
        vec![Box::new(Between)]
    }

    async fn drive(&self, workload: &Calls, client: Client) {
        let calls = serde_json::to_vec(&workload.calls).expect("a number");
        let writer = client.clone();
        client.spawn(async move {
            writer.ask("writer", "write", calls.into()).await.expect("accepted");
        });
        client.ask("reader", "read", Bytes::new()).await.expect("accepted");
    }
}

/// The goal: the write fell between the two reads.
struct Between;

impl Invariant for Between {
    fn name(&self) -> &'static str {
        "write-between-reads"
    }

    fn mode(&self) -> Mode {
        Mode::Sometimes
    }

    fn interest(&self) -> Interest {
        Interest::COMMIT
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        if let What::Commit { effects, .. } = &event.what {
            for effect in effects.iter() {
                if let Effect::Observed { fact, value, .. } = effect
                    && fact == "between"
                {
                    judge.judged();
                    if *value > 0 {
                        judge.reached("between");
                    }
                }
            }
        }
    }
}

/// In how many of `seeds` runs the write fell between the reads.
fn found(schedule: Schedule, calls: usize, seeds: u64) -> usize {
    let between = |seed: &u64| {
        let workload = Calls { calls };
        let plan =
            Plan { format: FORMAT.into(), scenario: "race".into(), seed: *seed, schedule, workload, faults: vec![] };
        let report = run(&Race, &plan, &RunOptions::default()).expect("a valid plan");
        assert!(report.held(), "{:?}", report.violations);
        assert_eq!(report.judged[0].times, 1, "the reader finished");
        !report.reached.is_empty()
    };
    (0..seeds).filter(between).count()
}

#[test]
fn any_task_can_be_stalled_where_no_call_takes_time() {
    for calls in 0..=6 {
        let schedule = Schedule { latency: Latency::Zero, stall_per_mille: 0 };
        let times = found(schedule, calls, 3_000);
        println!("zero latency, K = {calls}: {times} of 3,000 seeds");
        assert!(times > 0, "no seed put {calls} calls and a write between two adjacent reads");
    }
}

#[test]
fn any_task_can_be_stalled_where_all_calls_take_the_same_time() {
    for calls in 0..=6 {
        let schedule = Schedule { latency: Latency::Equal { ms: 3 }, stall_per_mille: 100 };
        let times = found(schedule, calls, 2_000);
        println!("equal latency, K = {calls}: {times} of 2,000 seeds");
        assert!(times > 0, "no seed put {calls} calls and a write between two adjacent reads");
    }
}
