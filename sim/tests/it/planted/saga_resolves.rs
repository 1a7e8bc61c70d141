//! Sagas are started and driven, and nobody looks for those whose process died: recovery was forgotten.

use seaworthy_core::saga::{Definition, Orchestrator, OrchestratorConfig, Registry, SagaBuilder};
use seaworthy_sim::scenario::{Boot, Topology};

use crate::{
    saga_support::steps::{Note, Trip, Unnote},
    small_service::{Answer, Service, messaging::fronts, serve},
};

pub(super) const WRONG: Service = Service::wrong("no-recovery", topology);

fn topology(is_right: bool) -> Topology {
    fronts(move |boot| front(boot, is_right)).saga(trip().shape())
}

fn trip() -> Definition<Trip> {
    let steps = SagaBuilder::new("trip", 1).compensatable("seat", Note, Unnote).pivot("pay", Note);
    steps.build().expect("the steps are in order")
}

async fn front(boot: Boot, is_right: bool) {
    let ports = boot.ports;
    let mut registry = Registry::new();
    registry.register(trip()).expect("one definition");
    let orchestrator = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
    if is_right {
        let (recovery, stop) = (orchestrator.clone(), ports.stop.clone());
        ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
    }
    serve(ports, move |_, name| {
        let orchestrator = orchestrator.clone();
        Box::pin(async move { orchestrator.start("trip", &name, &Trip::default()).await.map(|_| Answer::Yes) })
    })
    .await;
}
