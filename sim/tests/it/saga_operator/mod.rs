//! Deadlines, operator verbs, and definitions that change.

mod deadlines;
mod verbs;
mod versions;

use std::time::Duration;

use crate::saga_support::{Harbour, gate::Gate, steps::Trip};
use seaworthy_core::{
    ids::SagaId,
    ports::{SagaStatus, SagaStore},
    saga::{Definition, Orchestrator, Registry, Started},
};

fn registry(definition: Definition<Trip>) -> Registry {
    let mut registry = Registry::new();
    registry.register(definition).expect("one definition");
    registry
}

fn boot(harbour: &Harbour, definition: Definition<Trip>) -> Orchestrator {
    let (orchestrator, stop) = harbour.boot(&Gate::open(), registry(definition));
    let recovery = orchestrator.clone();
    madsim::task::spawn(async move { recovery.run_recovery(&stop).await });
    orchestrator
}

async fn start(orchestrator: &Orchestrator) -> SagaId {
    let Started { saga, .. } = orchestrator.start("trip", "t-1", &Trip::default()).await.expect("nothing fails");
    saga
}

async fn wait(seconds: u64) {
    madsim::time::sleep(Duration::from_secs(seconds)).await;
}

async fn status(harbour: &Harbour, saga: SagaId) -> SagaStatus {
    harbour.store.saga(saga).await.expect("nothing fails").expect("it was started").status
}
