//! A drain of a full outbox beside dead rows, and sagas that are all due at once.
//!
//! Figures are CPU time of the one thread that does it all, so a disk that waits is not in them; time on the wall stands
//! beside it. What is compared is measured in turns.

mod support;

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    message::{Message, MessageBuilder},
    outbox::{LogRelay, PassReport, Relay},
    ports::{
        Broker, BrokerError, Clock, Expected, Ports, PublishResult, Store, StoreError, Subscription, SubscriptionSpec,
        Transaction,
    },
    saga::{
        Action, NothingToUndo, Orchestrator, OrchestratorConfig, Registry, SagaBuilder, StepCall, StepError, Value,
    },
};
use seaworthy_sim::store::MemoryStore;
use seaworthy_sqlite::{SqliteConfig, SqliteStore, Synchronous};
use seaworthy_tokio::{LocalExternal, LocalIngress, Parts, Process, TokioClock};
use support::{is_measuring, median, thread_cpu};
use tokio::{runtime::Runtime, time::Instant};

// As in the `seaworthy` program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A broker that takes everything and keeps nothing: what is measured is the way there.
struct Anywhere;

#[async_trait]
impl Broker for Anywhere {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<PublishResult>, BrokerError> {
        Ok(batch.iter().map(|_| Ok(())).collect())
    }

    async fn subscribe(&self, _: &SubscriptionSpec) -> Result<Box<dyn Subscription>, BrokerError> {
        Err(BrokerError::Unavailable("nobody listens".into()))
    }
}

fn process(store: Arc<dyn Store>) -> Process {
    let parts = Parts {
        store,
        broker: Arc::new(Anywhere),
        external: Arc::new(LocalExternal::new()),
        ingress: Arc::new(LocalIngress::new(1)),
    };
    Process::new(parts).expect("the operating system has entropy")
}

#[derive(Clone, Copy)]
enum On {
    Memory,
    File,
}

const STORES: [(&str, On); 2] = [("memory", On::Memory), ("SQLite file", On::File)];

/// A new store. Without power losses nothing is lost here, so the disk is not waited for.
fn store(on: On, folder: &Path) -> Arc<dyn Store> {
    match on {
        On::Memory => Arc::new(MemoryStore::new(Arc::new(TokioClock))),
        On::File => {
            let config = SqliteConfig::default().synchronous(Synchronous::Normal);
            let store = SqliteStore::open(folder.join("bench.db"), Arc::new(TokioClock), config);
            Arc::new(store.expect("SQLite opens a file in an empty folder"))
        }
    }
}

fn message(ports: &Ports, key: String) -> Message {
    let envelope = MessageBuilder::new("orders", "order.placed", key).topic("orders");
    envelope.data("application/octet-stream", Bytes::from_static(&[b'x'; 200])).draw(&*ports.clock, &*ports.random)
}

/// Rows that one transaction stages.
const STAGED_AT_ONCE: usize = 1_000;

/// Puts rows into the outbox, ten of each key; those that are dead have keys of their own.
async fn fill(ports: &Ports, rows: usize, dead: usize) -> Result<(), StoreError> {
    for from in (0..dead).step_by(STAGED_AT_ONCE) {
        let mut tx = ports.store.begin().await?;
        for number in from..dead.min(from + STAGED_AT_ONCE) {
            let dead = message(ports, format!("dead-{number}"));
            tx.stage(&dead).await?;
            assert!(tx.outbox_bury(dead.id, "the broker refused it").await?);
        }
        tx.commit().await?;
    }
    for from in (0..rows).step_by(STAGED_AT_ONCE) {
        let mut tx = ports.store.begin().await?;
        for number in from..rows.min(from + STAGED_AT_ONCE) {
            tx.stage(&message(ports, format!("order-{}", number / 10))).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}

enum AnyRelay {
    Claims(Relay),
    Log(LogRelay),
}

impl AnyRelay {
    async fn pass(&mut self) -> Result<PassReport, StoreError> {
        match self {
            Self::Claims(relay) => relay.pass().await,
            Self::Log(relay) => relay.pass().await,
        }
    }
}

/// Maker of a relay of a process.
type Make = fn(&Ports) -> AnyRelay;

const RELAYS: [(&str, Make); 2] = [
    ("claims", |ports| AnyRelay::Claims(Relay::new(ports))),
    ("log", |ports| AnyRelay::Log(LogRelay::new(ports, "log"))),
];

/// CPU time and time on the wall of a drain.
fn drain(runtime: &Runtime, on: On, relay: Make, rows: usize, dead: usize) -> (f64, f64) {
    let folder = tempfile::tempdir().expect("the machine has a disk");
    let _guard = runtime.enter();
    let process = process(store(on, folder.path()));
    let ports = process.ports();
    runtime.block_on(fill(&ports, rows, dead)).expect("nobody else has the store");
    let mut relay = relay(&ports);
    let (cpu, wall) = (thread_cpu(), Instant::now());
    let mut sent = 0;
    while sent < rows {
        let report = runtime.block_on(relay.pass()).expect("the store answers");
        sent += report.dispatched;
    }
    assert_eq!(sent, rows);
    ((thread_cpu() - cpu).as_secs_f64(), wall.elapsed().as_secs_f64())
}

fn drains(runtime: &Runtime) {
    let (rows, dead, turns) = if is_measuring() { (100_000, [0, 10_000, 100_000], 5) } else { (200, [0, 20, 200], 1) };
    for (store, on) in STORES {
        for (name, relay) in RELAYS {
            let mut taken: [Vec<(f64, f64)>; 3] = Default::default();
            for _ in 0..turns {
                for (taken, dead) in taken.iter_mut().zip(dead) {
                    taken.push(drain(runtime, on, relay, rows, dead));
                }
            }
            let cpu = |at: usize| median(taken[at].iter().map(|(cpu, _)| *cpu).collect());
            let ratio =
                |at: usize| median(taken[at].iter().zip(&taken[0]).map(|((one, _), (none, _))| one / none).collect());
            let wall = median(taken[0].iter().map(|(_, wall)| *wall).collect());
            println!(
                "drain of {rows} rows, {store}, {name}: {:.2} s of CPU without dead rows ({wall:.2} s on the wall), \
                 {:.2} times with {}, {:.2} times with {}",
                cpu(0),
                ratio(1),
                dead[1],
                ratio(2),
                dead[2],
            );
        }
    }
}

/// A step that writes one document.
struct Note;

#[async_trait]
impl Action<u64> for Note {
    async fn apply(&self, tx: &mut dyn Transaction, call: &StepCall<'_, u64>, _: Value) -> Result<Value, StepError> {
        let id = format!("{}-{}", call.data, call.step);
        tx.put("notes", &id, Expected::Absent, b"{}".as_slice().into()).await?;
        Ok(Value::NULL)
    }
}

fn orchestrator(ports: &Ports, lease: Duration) -> Orchestrator {
    let definition = SagaBuilder::new("four", 1)
        .compensatable("one", Note, NothingToUndo)
        .compensatable("two", Note, NothingToUndo)
        .pivot("three", Note)
        .retriable("four", Note)
        .build()
        .expect("the steps are in order");
    let mut registry = Registry::new();
    registry.register(definition).expect("there is one definition");
    let wait_in_memory = lease / 10;
    Orchestrator::new(ports, registry, OrchestratorConfig::default().lease(lease).wait_in_memory(wait_in_memory))
}

/// Begins sagas whose process dies before their first step.
async fn begin(ports: &Ports, sagas: u64) {
    let dies = orchestrator(ports, Duration::from_micros(10));
    for from in (0..sagas).step_by(STAGED_AT_ONCE) {
        let mut tx = ports.store.begin().await.expect("nobody else has the store");
        for number in from..sagas.min(from + STAGED_AT_ONCE as u64) {
            let started = dies.start_in(&mut *tx, "four", &number.to_string(), &number).await;
            assert!(started.expect("the key is new").created);
        }
        tx.commit().await.expect("the sagas' starts are committed");
    }
}

/// Time on the wall in which so many processes drive to their end what another has left.
fn take_over(on: On, processes: usize, sagas: u64) -> f64 {
    let folder = tempfile::tempdir().expect("the machine has a disk");
    let runtime = Runtime::new().expect("the machine has threads");
    let _guard = runtime.enter();
    let store = store(on, folder.path());
    let begins = process(store.clone());
    runtime.block_on(begin(&begins.ports(), sagas));
    let processes: Vec<Process> = (0..processes).map(|_| process(store.clone())).collect();
    let wall = Instant::now();
    for process in &processes {
        let (driver, stop) = (orchestrator(&process.ports(), Duration::from_secs(10)), process.ports().stop);
        process.start("recovery", |_| async move { driver.run_recovery(&stop).await });
    }
    runtime.block_on(async {
        while store.backlog().await.expect("the store answers").sagas_active > 0 {
            TokioClock.sleep(Duration::from_millis(5)).await;
        }
    });
    let taken = wall.elapsed().as_secs_f64();
    runtime.block_on(async {
        for process in &processes {
            process.stop().await.expect("nothing panicked");
        }
    });
    taken
}

fn sagas() {
    let (sagas, turns) = if is_measuring() { (10_000, 3) } else { (50, 1) };
    for (store, on) in STORES {
        let mut taken: [Vec<f64>; 2] = Default::default();
        for _ in 0..turns {
            for (taken, processes) in taken.iter_mut().zip(1..) {
                taken.push(take_over(on, processes, sagas));
            }
        }
        let [one, two] = taken.map(median);
        println!(
            "{sagas} due sagas of four steps, {store}: {one:.2} s on the wall by one process ({:.0} a second), {two:.2} s by two",
            sagas as f64 / one
        );
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("the machine has a thread");
    drains(&runtime);
    sagas();
}
