//! A relay that looks for work twice a minute, and is told by nobody that there is some: neither by who takes orders nor by the
//! sagas of its own process.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    backoff::Backoff,
    outbox::{Relay, RelayConfig},
    ports::{Ports, Transaction},
    saga::{Action, Orchestrator, OrchestratorConfig, Registry, SagaBuilder, StepCall, StepError, Value},
    wake::Wake,
};
use seaworthy_sim::{
    invariants::{Invariant, PromptWhenCalm},
    plan::Profile,
    scenario::{Boot, Client, Draw, Scenario, Topology},
};

use super::{SEEDS_MAX, SEEDS_RIGHT, campaign, is_found_and_the_right_service_holds};
use crate::small_service::{
    Answer, Items, Service,
    messaging::{front_beside, front_beside_relay, fronts, listener, placing, publish, relay_by_hand, settle},
    serve,
};

pub(super) const WRONG: Service = Service::wrong("looks-twice-a-minute", topology);

fn topology(is_right: bool) -> Topology {
    listener(match is_right {
        true => fronts(|boot| front_beside_relay(boot, placing)),
        false => fronts(|boot| {
            let relay = now_and_then(boot.ports.clone());
            front_beside(boot, relay, placing)
        }),
    })
}

async fn now_and_then(ports: Ports) {
    relay_by_hand(ports, |ports, token, rows| async move {
        ports.clock.sleep(Duration::from_secs(20)).await;
        let results = publish(&ports, &rows).await;
        settle(&ports, token, &rows, &results).await
    })
    .await;
}

#[test]
fn a_sagas_messages_that_wait_for_the_relays_next_look() {
    is_found_and_the_right_service_holds("prompt-when-calm", Service::wrong("wakes-no-relay", by_a_saga));
}

fn by_a_saga(is_right: bool) -> Topology {
    let rarely = Backoff::new(Duration::from_secs(30), Duration::from_secs(60));
    listener(fronts(move |boot| front(boot, is_right, RelayConfig::default().poll(rarely))))
}

/// A service whose relay is set as relays are: it looks twice a second where nothing comes, and the bound of the stock invariant is
/// longer than that. It asks for more than the stock does: for a fifth of a second beside what the calls take.
struct WithoutAWait(Service);

impl WithoutAWait {
    const fn new(is_right: bool) -> Self {
        let service = Service::wrong("wakes-no-relay-that-polls", |is_right| {
            listener(fronts(move |boot| front(boot, is_right, RelayConfig::default())))
        });
        // Long enough for the relay to look as rarely as it ever does.
        Self(Service { is_right, gap_ms: 3_000, ..service })
    }
}

#[async_trait]
impl Scenario for WithoutAWait {
    type Workload = Items;

    fn name(&self) -> &str {
        self.0.name
    }

    fn about(&self) -> &str {
        "a service whose messages leave at once, or with the next look of its relay"
    }

    fn topology(&self) -> Topology {
        self.0.topology()
    }

    fn workload(&self, draw: &mut Draw) -> Items {
        self.0.workload(draw)
    }

    fn invariants(&self, _: &Items) -> Vec<Box<dyn Invariant>> {
        vec![Box::new(PromptWhenCalm::new(&self.topology().groups).within(Duration::from_millis(200)))]
    }

    async fn drive(&self, workload: &Items, client: Client) {
        self.0.drive(workload, client).await;
    }

    fn shares_threads(&self) -> bool {
        true
    }
}

#[test]
fn a_sagas_messages_that_wait_for_the_next_look_of_a_relay_with_the_usual_settings() {
    let found = campaign(&WithoutAWait::new(false), SEEDS_MAX, &[Profile::Calm]);
    let failure = found.first_failure().expect("they wait for half a second");
    assert_eq!(failure.violation.invariant, "prompt-when-calm");
    println!("| `wakes-no-relay-that-polls` | {} | `prompt-when-calm` |", failure.index + 1);
    let right = campaign(&WithoutAWait::new(true), SEEDS_RIGHT, &Profile::ALL);
    assert_eq!(right.failed, 0, "{:#?}", right.failures);
}

/// Each order is a saga, whose only step tells of it. The core's orchestrator wakes the relay, where it is given one to wake.
async fn front(boot: Boot, is_right: bool, relay: RelayConfig) {
    let (ports, wake) = (boot.ports, Wake::new());
    let relay = Relay::new(&ports).config(relay).wake(wake.clone());
    ports.spawn("relay", relay.run());
    let mut registry = Registry::new();
    let steps = SagaBuilder::new("order", 1).retriable("tell", Tells);
    registry.register(steps.build().expect("there is one step")).expect("one definition");
    let orchestrator = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
    let orchestrator = if is_right { orchestrator.wake(wake) } else { orchestrator };
    let (recovery, stop) = (orchestrator.clone(), ports.stop.clone());
    ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
    serve(ports, move |_, name| {
        let orchestrator = orchestrator.clone();
        Box::pin(async move { orchestrator.start("order", &name, &name).await.map(|_| Answer::Yes) })
    })
    .await;
}

struct Tells;

#[async_trait]
impl Action<String> for Tells {
    async fn apply(&self, tx: &mut dyn Transaction, call: &StepCall<'_, String>, _: Value) -> Result<Value, StepError> {
        tx.stage(&call.message("front", "order.placed", "orders", call.key, Bytes::new())).await?;
        Ok(Value::NULL)
    }
}
