//! redb: a simulated lifecycle on it against one on the simulated store, and real work on disk, as `sqlite` measures it.
//!
//! Figures of simulated runs are CPU time. Figures on disk are time on the wall, because there the disk is what takes it.

#![allow(missing_docs, reason = "the functions are criterion's")]

mod support;

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use seaworthy_core::{
    message::MessageBuilder,
    outbox::Relay,
    ports::{Expected, Ports, Store, Transaction},
    saga::{
        Action, DriveOutcome, NothingToUndo, Orchestrator, OrchestratorConfig, Registry, SagaBuilder, StepCall,
        StepError, Value,
    },
};
use seaworthy_redb::{RedbConfig, RedbStore};
use seaworthy_sim::{plan::Profile, scenario::StoreFactory, world::RunOptions};
use seaworthy_tokio::{LocalBroker, LocalExternal, LocalIngress, Parts, Process, TokioClock};
use support::{CpuTime, OneOrder, lifecycle, median, quick, thread_cpu};
use tokio::runtime::Runtime;

// As in the `seaworthy` program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many messages one measurement of the relay publishes: ten of its batches.
const MESSAGES: usize = 1_000;

fn on_redb() -> RunOptions {
    let store: StoreFactory = Arc::new(|_, clock| {
        let store = RedbStore::open_in_memory(clock, RedbConfig::simulation());
        Arc::new(store.expect("redb opens a database in memory"))
    });
    RunOptions::default().store(Some(store))
}

fn simulated(criterion: &mut Criterion<CpuTime>) {
    let scenario = OneOrder::default();
    let mut group = criterion.benchmark_group("simulated lifecycle");
    for (name, options) in [("simulated store", RunOptions::default()), ("redb", on_redb())] {
        let mut seed = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                seed = (seed + 1) % 500;
                lifecycle(&scenario, seed, Profile::Calm, &options).events
            });
        });
    }
    group.finish();

    // In turns, so that both meet the same machine.
    let (options, redb) = (RunOptions::default(), on_redb());
    let turns = if support::is_measuring() { 11 } else { 1 };
    let mut ratios = Vec::new();
    for turn in 0..turns {
        let [simulated, real] = [&options, &redb].map(|options| {
            let start = thread_cpu();
            for seed in turn * 50..(turn + 1) * 50 {
                lifecycle(&scenario, seed, Profile::Calm, options);
            }
            (thread_cpu() - start).as_secs_f64()
        });
        ratios.push(real / simulated);
    }
    println!("a simulated lifecycle on redb costs {:.2} times one on the simulated store\n", median(ratios));
}

/// A process on tokio over a database file.
fn process(folder: &Path, quick_repair: bool, broker: &LocalBroker) -> (Process, RedbStore) {
    let config = RedbConfig::default().quick_repair(quick_repair);
    let store = RedbStore::open(folder.join("bench.db"), Arc::new(TokioClock), config);
    let store = store.expect("redb opens a file in an empty folder");
    let parts = Parts {
        store: Arc::new(store.clone()),
        broker: Arc::new(broker.clone()),
        external: Arc::new(LocalExternal::new()),
        ingress: Arc::new(LocalIngress::new(1)),
    };
    (Process::new(parts).expect("the operating system has entropy"), store)
}

async fn stage(ports: &Ports, numbers: std::ops::Range<usize>) {
    let mut tx = ports.store.begin().await.expect("nobody else has the file");
    for number in numbers {
        // A thousand keys: rows of one key are published one after the other.
        let message = MessageBuilder::new("orders", "order.placed", format!("order-{}", number % MESSAGES))
            .data("application/octet-stream", bytes::Bytes::from_static(&[b'x'; 200]))
            .draw(&*ports.clock, &*ports.random);
        tx.stage(&message).await.expect("a message is staged");
    }
    tx.commit().await.expect("messages are committed");
}

async fn publish_all(relay: &mut Relay) -> usize {
    let mut published = 0;
    loop {
        let report = relay.pass().await.expect("the store answers");
        if report.claimed == 0 {
            return published;
        }
        published += report.dispatched;
    }
}

/// Each commit waits for the disk; with the second it keeps besides what makes the next start after a kill quick.
const SETTINGS: [(&str, bool); 2] = [("default", false), ("quick repair", true)];

fn relay(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("the machine has threads");
    let mut group = criterion.benchmark_group("relay on disk");
    group.throughput(Throughput::Elements(MESSAGES as u64));
    for (name, quick_repair) in SETTINGS {
        let folder = tempfile::tempdir().expect("the machine has a disk");
        // Nobody takes the messages out again: what is measured is the way from the store to the broker.
        let broker = LocalBroker::default();
        broker.declare("shipping", ["orders"]);
        let _guard = runtime.enter();
        let (process, _) = process(folder.path(), quick_repair, &broker);
        let mut relay = Relay::new(&process.ports());
        group.bench_function(format!("{MESSAGES} messages, {name}"), |bencher| {
            bencher.iter_batched(
                || runtime.block_on(stage(&process.ports(), 0..MESSAGES)),
                |()| assert_eq!(runtime.block_on(publish_all(&mut relay)), MESSAGES),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// A step that writes one document, as the smallest useful step does.
struct Note;

#[async_trait]
impl Action<u64> for Note {
    async fn apply(&self, tx: &mut dyn Transaction, call: &StepCall<'_, u64>, _: Value) -> Result<Value, StepError> {
        let id = format!("{}-{}", call.data, call.step);
        tx.put("notes", &id, Expected::Absent, b"{}".as_slice().into()).await?;
        Ok(Value::NULL)
    }
}

fn saga(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("the machine has threads");
    let mut group = criterion.benchmark_group("saga on disk");
    group.throughput(Throughput::Elements(1));
    for (name, quick_repair) in SETTINGS {
        let folder = tempfile::tempdir().expect("the machine has a disk");
        let _guard = runtime.enter();
        let (process, store) = process(folder.path(), quick_repair, &LocalBroker::default());
        let definition = SagaBuilder::new("four", 1)
            .compensatable("one", Note, NothingToUndo)
            .compensatable("two", Note, NothingToUndo)
            .pivot("three", Note)
            .retriable("four", Note)
            .build()
            .expect("the steps are in order");
        let mut registry = Registry::new();
        registry.register(definition).expect("there is one definition");
        let orchestrator = Orchestrator::new(&process.ports(), registry, OrchestratorConfig::default());
        let mut number = 0_u64;
        group.bench_function(format!("four steps, {name}"), |bencher| {
            bencher.iter(|| {
                number += 1;
                runtime.block_on(async {
                    let mut tx = store.begin().await.expect("nobody else has the file");
                    let key = number.to_string();
                    let started = orchestrator.start_in(&mut *tx, "four", &key, &number).await;
                    tx.commit().await.expect("the saga's start is committed");
                    let outcome = orchestrator.drive_started(started.expect("the key is new")).await;
                    assert_eq!(outcome, DriveOutcome::Completed);
                });
            });
        });
    }
    group.finish();
}

fn on_disk() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .without_plots()
}

criterion_group! { name = in_simulation; config = quick(); targets = simulated }
criterion_group! { name = outside; config = on_disk(); targets = relay, saga }
criterion_main!(in_simulation, outside);
