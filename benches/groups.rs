//! CPU time of a saga whose steps all run side by side, by the number of its steps: the throughput is in steps, and stays
//! about the same.

#![allow(missing_docs, reason = "the functions are criterion's")]

mod support;

use std::sync::Arc;

use async_trait::async_trait;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use seaworthy_core::{
    ports::{Expected, Transaction},
    saga::{
        Action, Definition, DriveOutcome, NothingToUndo, Orchestrator, OrchestratorConfig, Registry, SagaBuilder,
        StepCall, StepError, Value,
    },
};
use seaworthy_sim::store::MemoryStore;
use seaworthy_tokio::{LocalBroker, LocalExternal, LocalIngress, Parts, Process, TokioClock};
use support::{CpuTime, quick};

// As in the `seaworthy` program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A step that writes one document.
struct Note;

#[async_trait]
impl Action<u64> for Note {
    async fn apply(&self, tx: &mut dyn Transaction, call: &StepCall<'_, u64>, _: Value) -> Result<Value, StepError> {
        tx.put("notes", call.step, Expected::Absent, b"{}".as_slice().into()).await?;
        Ok(Value::NULL)
    }
}

fn wide(steps: usize) -> Definition<u64> {
    let names: Vec<String> = (0..steps).map(|step| format!("step-{step}")).collect();
    let definition = SagaBuilder::new("wide", 1)
        .parallel(|group| names.iter().fold(group, |group, name| group.compensatable(name, Note, NothingToUndo)))
        .retriable("last", Note)
        .build();
    definition.expect("the steps are in order")
}

/// A process on a new store.
fn orchestrator(steps: usize) -> (Process, Orchestrator) {
    let parts = Parts {
        store: Arc::new(MemoryStore::new(Arc::new(TokioClock))),
        broker: Arc::new(LocalBroker::default()),
        external: Arc::new(LocalExternal::new()),
        ingress: Arc::new(LocalIngress::new(1)),
    };
    let process = Process::new(parts).expect("the operating system has entropy");
    let mut registry = Registry::new();
    registry.register(wide(steps)).expect("there is one definition");
    let orchestrator = Orchestrator::new(&process.ports(), registry, OrchestratorConfig::default());
    (process, orchestrator)
}

fn groups(criterion: &mut Criterion<CpuTime>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("the machine has a thread");
    let _guard = runtime.enter();
    let mut group = criterion.benchmark_group("side by side");
    for steps in [10, 100, 1_000] {
        group.throughput(Throughput::Elements(steps as u64));
        group.bench_function(BenchmarkId::from_parameter(steps), |bencher| {
            let drive = |(process, orchestrator): (Process, Orchestrator)| {
                let outcome = runtime.block_on(async {
                    let mut tx = process.ports().store.begin().await.expect("nobody else has the store");
                    let started = orchestrator.start_in(&mut *tx, "wide", "one", &0_u64).await.expect("the key is new");
                    tx.commit().await.expect("the start is committed");
                    orchestrator.drive_started(started).await
                });
                assert_eq!(outcome, DriveOutcome::Completed);
                // What is left is dropped outside of the measurement.
                (process, orchestrator)
            };
            bencher.iter_batched(|| orchestrator(steps), drive, BatchSize::PerIteration);
        });
    }
    group.finish();
}

criterion_group! { name = side_by_side; config = quick(); targets = groups }
criterion_main!(side_by_side);
