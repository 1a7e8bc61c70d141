//! A saga whose rows are written by hand, leased to somebody who does not drive it: it waits until recovery finds it.

use std::time::Duration;

use seaworthy_core::{
    ports::{NewSaga, Ports, SagaAppend, SagaCreate, SagaStatus, StoreError},
    saga::{Definition, Orchestrator, OrchestratorConfig, Record, Registry, SagaBuilder, saga_id},
};
use seaworthy_sim::scenario::{Boot, Topology};

use crate::{
    saga_support::steps::{Note, Trip, Unnote},
    small_service::{Answer, Service, messaging::fronts, serve},
};

pub(super) const WRONG: Service = Service::wrong("leased-to-nobody", topology);

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
    let (recovery, stop) = (orchestrator.clone(), ports.stop.clone());
    ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
    serve(ports, move |ports, name| {
        let orchestrator = orchestrator.clone();
        Box::pin(async move {
            match is_right {
                true => orchestrator.start("trip", &name, &Trip::default()).await.map(|_| Answer::Yes),
                false => by_hand(&ports, &name).await.map(|()| Answer::Yes).map_err(Into::into),
            }
        })
    })
    .await;
}

/// What `start` does, without the driving.
async fn by_hand(ports: &Ports, name: &str) -> Result<(), StoreError> {
    let saga = saga_id("trip", name);
    let new = NewSaga {
        id: saga,
        definition: trip().shape().definition.clone(),
        key: name.into(),
        input: serde_json::to_vec(&Trip::default()).expect("a trip is JSON").into(),
        correlation_id: saga.0,
        lease: Duration::from_secs(10),
    };
    let mut tx = ports.store.begin().await?;
    if tx.saga_create(&new).await? == SagaCreate::Created {
        let append = SagaAppend {
            saga,
            epoch: 1,
            expected_length: 0,
            records: vec![Record::Started { deadline_us: None, traceparent: None }.encode()],
            status: SagaStatus::Running,
            lease: new.lease,
            sleep: Duration::ZERO,
            definition: None,
            forgets: false,
            keys: Vec::new(),
            outcome: None,
        };
        tx.saga_append(&append).await?;
    }
    tx.commit().await
}
