//! A process with sagas on a store in memory, and a gate at its ports that fails one call of choice.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod gate;
pub(crate) mod outside;
pub(crate) mod steps;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::{BoxFuture, pending};
use gate::Gate;
use outside::Outside;
use seaworthy_core::{
    ids::SagaId,
    message::Message,
    ports::{
        Broker, BrokerError, Clock, External, Ingress, Ports, PublishResult, Random, Request, SagaStore, Spawner,
        Store, Subscription, SubscriptionSpec, Timestamp,
    },
    saga::{Orchestrator, OrchestratorConfig, Record, Registry},
    stop::Stop,
};
use seaworthy_sim::store::MemoryStore;

/// What survives a crash: the store and the participants that are not ours.
#[derive(Clone)]
pub(crate) struct Harbour {
    pub(crate) store: MemoryStore,
    pub(crate) outside: Arc<Outside>,
    /// By how many seconds the clocks of all processes are wrong. The store's is right.
    pub(crate) skew: Arc<AtomicI64>,
}

impl Harbour {
    pub(crate) fn new() -> Self {
        Self { store: MemoryStore::new(Arc::new(VirtualClock)), outside: Arc::default(), skew: Arc::default() }
    }

    /// Boots a process. All that it does goes through `gate`.
    pub(crate) fn boot(&self, gate: &Arc<Gate>, registry: Registry) -> (Orchestrator, Stop) {
        self.boot_with(gate, registry, OrchestratorConfig::default())
    }

    pub(crate) fn boot_with(
        &self,
        gate: &Arc<Gate>,
        registry: Registry,
        config: OrchestratorConfig,
    ) -> (Orchestrator, Stop) {
        let stop = Stop::new();
        let ports = Ports {
            store: gate.before::<dyn Store>(Arc::new(self.store.clone())),
            broker: Arc::new(Nothing),
            clock: Arc::new(SkewedClock(self.skew.clone())),
            external: gate.before::<dyn External>(self.outside.clone()),
            random: Arc::new(Counting(Mutex::new(0))),
            spawner: Arc::new(Tasks),
            ingress: Arc::new(Nothing),
            stop: stop.clone(),
        };
        (Orchestrator::new(&ports, registry, config), stop)
    }

    /// The names of a saga's log entries, with their steps.
    pub(crate) async fn log(&self, saga: SagaId) -> Vec<String> {
        let entries = self.store.saga_log(saga, 0, 1_000).await.expect("a store in memory never fails");
        let name = |record: Record| match record.step() {
            Some(step) => format!("{} {step}", record.name()),
            None => record.name().to_owned(),
        };
        entries.iter().map(|entry| name(Record::decode(&entry.record).expect("the log is ours"))).collect()
    }
}

/// Runs a test in virtual time.
pub(crate) fn simulate<F: Future>(test: F) -> F::Output {
    madsim::runtime::Runtime::with_seed_and_config(7, madsim::Config::default()).block_on(test)
}

/// The runtime's virtual time.
pub(crate) struct VirtualClock;

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let since = madsim::time::TimeHandle::current().elapsed();
        Timestamp::EPOCH + since
    }

    async fn sleep(&self, duration: Duration) {
        madsim::time::sleep(duration).await;
    }
}

/// A process's clock.
struct SkewedClock(Arc<AtomicI64>);

#[async_trait]
impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(VirtualClock.now().as_micros() + self.0.load(Ordering::Relaxed) * 1_000_000)
    }

    async fn sleep(&self, duration: Duration) {
        VirtualClock.sleep(duration).await;
    }
}

struct Tasks;

impl Spawner for Tasks {
    fn spawn(&self, _: &'static str, task: BoxFuture<'static, ()>) {
        madsim::task::spawn(task);
    }
}

/// Draws that differ and repeat from run to run.
struct Counting(Mutex<u64>);

impl Random for Counting {
    fn next_u64(&self) -> u64 {
        let mut state = self.0.lock().expect("no draw panics");
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        *state
    }
}

/// Ports that sagas have no use for.
struct Nothing;

#[async_trait]
impl Ingress for Nothing {
    async fn next(&self) -> Option<Request> {
        pending().await
    }
}

#[async_trait]
impl Broker for Nothing {
    async fn publish(&self, _: &[Message]) -> Result<Vec<PublishResult>, BrokerError> {
        pending().await
    }

    async fn subscribe(&self, _: &SubscriptionSpec) -> Result<Box<dyn Subscription>, BrokerError> {
        pending().await
    }
}
