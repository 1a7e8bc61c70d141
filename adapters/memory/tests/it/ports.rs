//! The ports of a process for tests that run no process.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use seaworthy_core::{
    ports::{Ingress, Ports, Random, Request, Spawner, Store},
    stop::Stop,
};
use seaworthy_memory::{
    ManualClock,
    broker::{BrokerConfig, MemoryBroker},
    external::MemoryExternal,
};

/// Dice that count: no two ids are the same.
#[derive(Default)]
struct Counter(AtomicU64);

impl Random for Counter {
    fn next_u64(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// No tasks and no requests: nobody here asks for any.
struct Nobody;

impl Spawner for Nobody {
    fn spawn(&self, name: &'static str, _: BoxFuture<'static, ()>) {
        panic!("{name} is a task that nobody runs");
    }
}

#[async_trait]
impl Ingress for Nobody {
    async fn next(&self) -> Option<Request> {
        None
    }
}

/// Ports of a process on this store, and on a clock that stands still.
pub(crate) fn ports(store: impl FnOnce(Arc<ManualClock>) -> Arc<dyn Store>) -> Ports {
    let clock = ManualClock::new();
    Ports {
        store: store(clock.clone()),
        broker: Arc::new(MemoryBroker::new(clock.clone(), BrokerConfig::default())),
        clock,
        external: Arc::new(MemoryExternal::new()),
        random: Arc::new(Counter::default()),
        spawner: Arc::new(Nobody),
        ingress: Arc::new(Nobody),
        stop: Stop::new(),
    }
}
