//! Two releases side by side, rolled out and taken back: the next one calls a step by another name, and either says so or
//! leaves the sagas of the one before to nobody.

use seaworthy_core::saga::{Definition, Migration, Orchestrator, OrchestratorConfig, Registry, SagaBuilder};
use seaworthy_sim::scenario::{Boot, Topology};

use super::is_found_and_the_right_service_holds;
use crate::{
    saga_support::steps::{Note, Trip, Unnote},
    small_service::{Answer, Service, messaging::fronts, serve},
};

const WRONG: Service = Service::wrong("renames-without-a-migration", topology).fails_for_good();

fn topology(is_right: bool) -> Topology {
    let fronts = fronts(move |boot| front(boot, is_right)).next_release();
    fronts.saga(trip(1, "charge").shape()).saga(trip(2, "pay").shape())
}

fn trip(version: u32, pivot: &str) -> Definition<Trip> {
    let steps = SagaBuilder::new("trip", version).compensatable("seat", Note, Unnote).pivot(pivot, Note);
    steps.retriable("send", Note).build().expect("the steps are in order")
}

async fn front(boot: Boot, is_right: bool) {
    let (ports, release) = (boot.ports, boot.release);
    let mut registry = Registry::new();
    if release > 1 {
        registry.register(trip(2, "pay")).expect("one definition");
        if is_right {
            registry.migration(Migration::new("trip", 1, 2).rename("charge", "pay")).expect("both are known");
        }
    } else {
        registry.register(trip(1, "charge")).expect("one definition");
    }
    let orchestrator = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
    let (recovery, stop) = (orchestrator.clone(), ports.stop.clone());
    ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
    serve(ports, move |_, name| {
        let orchestrator = orchestrator.clone();
        Box::pin(async move { orchestrator.start("trip", &name, &Trip::default()).await.map(|_| Answer::Yes) })
    })
    .await;
}

#[test]
fn a_step_that_is_renamed_without_a_migration() {
    is_found_and_the_right_service_holds("saga-resolves", WRONG);
}
