//! Two right services whose futures stand side by side: the core's own parallel steps, and a consumer that handles a batch
//! at once.

use std::{pin::pin, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::{Either, join_all, select};
use seaworthy_core::{
    message::MessageBuilder,
    outbox::Relay,
    ports::{
        Delivery, Expected, ExternalCall, InboxEntry, InboxInsert, Ports, Refusal, StoreError, SubscriptionSpec,
        Timestamp,
    },
    saga::{Orchestrator, OrchestratorConfig, Registry},
    wake::Wake,
};
use seaworthy_sim::{
    check::check,
    external::Service,
    plan::Profile,
    scenario::{Boot, Client, Draw, Scenario, Topology, Workload},
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::saga_support::steps::{self, Trip};

struct Voyages;

/// Keys of trips.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Trips(Vec<u64>);

impl Workload for Trips {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn without(&self, range: std::ops::Range<usize>) -> Self {
        let mut trips = self.0.clone();
        trips.drain(range);
        Self(trips)
    }
}

/// A hotel, a car, a till, a letter box: each takes whatever it is asked.
struct TakesAnything;

impl Service for TakesAnything {
    fn act(&mut self, _: &ExternalCall) -> Result<Bytes, Refusal> {
        Ok(Bytes::from_static(b"{}"))
    }

    fn subject(&self, call: &ExternalCall) -> SmolStr {
        call.operation_id.to_string().into()
    }
}

async fn trips(boot: Boot) {
    let (ports, wake) = (boot.ports, Wake::new());
    let mut registry = Registry::new();
    registry.register(steps::parallel()).expect("one definition");
    let orchestrator = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
    let (recovery, stop) = (orchestrator.clone(), ports.stop.clone());
    ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
    let relay = Relay::new(&ports).wake(wake.clone());
    ports.spawn("relay", relay.run());
    while let Some(request) = ports.ingress.next().await {
        let trip = String::from_utf8_lossy(&request.body).into_owned();
        if start(&ports, &orchestrator, &trip).await.is_ok() {
            wake.hint();
            request.response.accept(Bytes::new());
        }
    }
}

/// The trip's saga, and messages of three keys that say that it began, in one transaction.
async fn start(ports: &Ports, orchestrator: &Orchestrator, trip: &str) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    let data = Trip { insured: true, ..Trip::default() };
    let Ok(started) = orchestrator.start_in(&mut *tx, "trip", trip, &data).await else {
        return Err(StoreError::Unavailable("the saga could not be started".into()));
    };
    if started.created {
        for part in ["bed", "seat", "meal"] {
            let message = MessageBuilder::new("trips", "trip.began", format!("{trip}-{part}"));
            tx.stage(&message.derive(started.saga.0, &[part], Timestamp::EPOCH)).await?;
        }
        tx.commit().await?;
    }
    orchestrator.launch(&started);
    Ok(())
}

/// Handles what it gets at once, and acknowledges what is committed.
async fn ledger(boot: Boot) {
    let ports = boot.ports;
    let spec = SubscriptionSpec { group: "ledger".into(), topics: vec!["trips".into()] };
    while !ports.stop.is_set() {
        let subscribed = match select(ports.broker.subscribe(&spec), pin!(ports.stop.wait())).await {
            Either::Left((subscribed, _)) => subscribed,
            Either::Right(_) => return,
        };
        let Ok(subscription) = subscribed else {
            ports.clock.sleep(Duration::from_millis(100)).await;
            continue;
        };
        while let Either::Left((Ok(deliveries), _)) = select(subscription.receive(8), pin!(ports.stop.wait())).await {
            let handled = join_all(deliveries.iter().map(|delivery| note(&ports, delivery))).await;
            for (delivery, handled) in deliveries.iter().zip(handled) {
                // Where the broker does not hear, it delivers again.
                let _ = match handled {
                    Ok(()) => subscription.ack(delivery.tag).await,
                    Err(_) => subscription.nack(delivery.tag, Duration::from_millis(50)).await,
                };
            }
        }
    }
}

async fn note(ports: &Ports, delivery: &Delivery) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    let message = &delivery.message;
    let entry = InboxEntry::for_message("ledger", message);
    if tx.inbox_insert(&entry).await? == InboxInsert::First {
        tx.put("ledger", &message.subject, Expected::Absent, Bytes::from_static(b"1")).await?;
    }
    tx.commit().await
}

#[async_trait]
impl Scenario for Voyages {
    type Workload = Trips;

    fn name(&self) -> &str {
        "voyages"
    }

    fn about(&self) -> &str {
        "sagas with parallel remote steps, and a consumer that handles its batch at once"
    }

    fn topology(&self) -> Topology {
        ["hotel", "car", "pay", "mail"]
            .into_iter()
            .fold(Topology::new(), |topology, name| topology.external(name, || TakesAnything))
            .process("trips-1", "trips", "trips", trips)
            .process("trips-2", "trips", "trips", trips)
            .process("ledger-1", "ledger", "ledger", ledger)
            .process("ledger-2", "ledger", "ledger", ledger)
            .group("ledger", &["trips"])
            .saga(steps::parallel().shape())
    }

    fn workload(&self, draw: &mut Draw) -> Trips {
        Trips((0..=draw.below(3)).collect())
    }

    async fn drive(&self, workload: &Trips, client: Client) {
        for trip in &workload.0 {
            client.ask("trips", "start", format!("trip-{trip}").into()).await.expect("never refused");
        }
    }

    fn shares_threads(&self) -> bool {
        true
    }
}

#[test]
fn parallel_remote_steps_and_a_batch_handled_at_once_hold_when_their_process_dies() {
    let profiles = [Profile::Crash, Profile::Swarm, Profile::Everything];
    // Held in 60,000 seeds of each (SEAWORTHY_SEEDS=180000).
    check(Voyages).profiles(profiles).seeds(600).strict(false).assert_seaworthy();
}
