//! A dead incarnation touches nothing, whatever the shape of its futures: judged on the trace, and on what the store, the
//! broker, the external service and the client really got.

mod shapes;
mod voyages;
mod work;

use std::{
    collections::BTreeSet,
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{
    FutureExt,
    future::{join_all, select},
};
use seaworthy_core::{
    ids::{ClaimToken, MessageId, OperationId},
    ports::{
        ClaimRequest, Clock, ExternalCall, Operation, OutboxOrder, Ports, Refusal, SettleOutcome, Settlement, Store,
        SubscriptionSpec, WhenDead,
    },
};
use seaworthy_sim::{
    external::Service,
    plan::{CallFault, FORMAT, Fault, Latency, Plan, Restart, Schedule, Verdict},
    scenario::{Boot, Client, Draw, Scenario, StoreFactory, Topology, Workload},
    store::MemoryStore,
    trace::{Effect, What},
    world::{RunOptions, RunReport, run},
};
use serde::{Deserialize, Serialize};

use self::shapes::{SHAPES, Shape};
use crate::saga_support::gate::Gate;

/// Seeds for each shape in `cargo test`: each crash lands among five futures, so a hundred reach every pair of calls that
/// matters.
const SEEDS: u64 = 120;

/// What others than the trace know of a run.
#[derive(Default)]
struct Evidence {
    acted: Mutex<Vec<OperationId>>,
    received: Mutex<BTreeSet<MessageId>>,
    answers: Mutex<u64>,
    store: Mutex<Option<MemoryStore>>,
}

/// `one` works in a shape and dies; `sink` clears up and never does.
struct Side {
    shape: Shape,
    evidence: Arc<Evidence>,
}

struct Till(Arc<Evidence>);

impl Service for Till {
    fn act(&mut self, call: &ExternalCall) -> Result<Bytes, Refusal> {
        self.0.acted.lock().expect("nobody panics").push(call.operation_id);
        Ok(Bytes::new())
    }

    fn subject(&self, call: &ExternalCall) -> smol_str::SmolStr {
        call.operation_id.to_string().into()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Asks;

impl Workload for Asks {
    fn len(&self) -> usize {
        1
    }

    fn without(&self, _: std::ops::Range<usize>) -> Self {
        Self
    }
}

async fn one(boot: Boot, shape: Shape) {
    while let Some(request) = boot.ports.ingress.next().await {
        shape(boot.ports.clone(), request.response).await;
    }
}

/// Takes every message of both groups, and settles every row.
async fn sink(ports: Ports, evidence: Arc<Evidence>) {
    let groups = ["own", "sink"].map(|group| {
        let (ports, evidence) = (ports.clone(), evidence.clone());
        async move {
            let spec = SubscriptionSpec { group: group.into(), topics: vec!["events".into()] };
            let subscription = ports.broker.subscribe(&spec).await.expect("no outage");
            loop {
                for delivery in subscription.receive(8).await.expect("no outage") {
                    evidence.received.lock().expect("nobody panics").insert(delivery.message.id);
                    subscription.ack(delivery.tag).await.expect("no outage");
                }
            }
        }
    });
    let rows = async {
        loop {
            let token = ClaimToken(work::id(&ports));
            let (limit, lease) = (100, Duration::from_secs(1));
            let (ordering, when_dead) = (OutboxOrder::PerKey, WhenDead::BlockKey);
            let request = ClaimRequest { token, limit, lease, ordering, when_dead, except_topics: Vec::new() };
            let rows = ports.store.claim(&request).await.expect("no outage");
            let settlements: Vec<Settlement> =
                rows.iter().map(|row| Settlement { row: row.row, outcome: SettleOutcome::Dispatched }).collect();
            if !settlements.is_empty() {
                ports.store.settle(token, &settlements).await.expect("no outage");
            }
            ports.clock.sleep(Duration::from_millis(200)).await;
        }
    };
    select(pin!(join_all(groups)), pin!(rows)).await;
}

#[async_trait]
impl Scenario for Side {
    type Workload = Asks;

    fn name(&self) -> &str {
        "side-by-side"
    }

    fn about(&self) -> &str {
        "a process of many futures that dies"
    }

    fn topology(&self) -> Topology {
        let (shape, evidence, till) = (self.shape, self.evidence.clone(), self.evidence.clone());
        Topology::new()
            .without_protocol()
            .process("one", "service", "store", move |boot| one(boot, shape))
            .process("sink", "sink", "store", move |boot| sink(boot.ports, evidence.clone()))
            .external("till", move || Till(till.clone()))
            .group("own", &["events"])
            .group("sink", &["events"])
    }

    fn workload(&self, _: &mut Draw) -> Asks {
        Asks
    }

    async fn drive(&self, _: &Asks, client: Client) {
        for _ in 0..2 {
            client.ask("service", "work", Bytes::new()).await.expect("never refused");
            *self.evidence.answers.lock().expect("nobody panics") += 1;
        }
    }

    fn shares_threads(&self) -> bool {
        true
    }
}

/// One to three deaths of `one`, at any of its calls.
fn plan(seed: u64) -> Plan<Asks> {
    let draw = &mut Draw::stream(seed, 1);
    let latency = match draw.below(4) {
        0 => Latency::Zero,
        1 => Latency::Equal { ms: 3 },
        _ => Latency::Spread { min_ms: 1, max_ms: 12 },
    };
    let mut faults = Vec::new();
    for _ in 0..=draw.below(3) {
        let point = *draw.pick(Operation::ALL).expect("there are points");
        let restart = Restart { after_ms: if draw.chance(500) { 0 } else { draw.below(40) as u32 }, upgrade: false };
        let verdict = if draw.chance(500) { Verdict::CrashBefore(restart) } else { Verdict::CrashAfter(restart) };
        let nth = 1 + draw.below(9) as u32;
        faults.push(Fault::Call(CallFault { process: "one".into(), point: point.into(), nth, verdict }));
    }
    let schedule = Schedule { latency, stall_per_mille: 20 };
    Plan { format: FORMAT.into(), scenario: "side-by-side".into(), seed, schedule, workload: Asks, faults }
}

/// Runs on a store in memory, which takes `pace` before and after each effect.
fn execute(shape: Shape, seed: u64, pace: Duration) -> (RunReport, Arc<Evidence>) {
    let evidence = Arc::<Evidence>::default();
    let kept = evidence.clone();
    let make: StoreFactory = Arc::new(move |_: &str, clock: Arc<dyn Clock>| {
        let store = MemoryStore::new(clock);
        *kept.store.lock().expect("nobody panics") = Some(store.clone());
        Gate::slow(pace).before::<dyn Store>(Arc::new(store))
    });
    let options = RunOptions::default().keep_trace(true).store(Some(make));
    let report = run(&Side { shape, evidence: evidence.clone() }, &plan(seed), &options).expect("a valid plan");
    (report, evidence)
}

/// What the store holds, each document under the id of the effect that made it.
fn documents(evidence: &Evidence) -> BTreeSet<String> {
    let store = evidence.store.lock().expect("nobody panics").clone().expect("the run made a store");
    let read = async move {
        let mut tx = store.begin().await.expect("a store in memory");
        tx.scan("effects", None, usize::MAX >> 1).await.expect("a store in memory")
    };
    let found = read.now_or_never().expect("nobody else is there");
    found.into_iter().map(|(id, _)| id.to_string()).collect()
}

fn judge(report: &RunReport, evidence: &Evidence) -> Result<u64, String> {
    let mut dead = BTreeSet::new();
    let (mut committed, mut published, mut acted) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut answers = 0;
    for event in report.trace.as_deref().expect("kept") {
        let whose = (event.process, event.incarnation);
        if dead.contains(&whose) {
            return Err(format!("event {} of the dead: {:?}", event.number, event.what));
        }
        match &event.what {
            What::Crash => _ = dead.insert(whose),
            What::Commit { effects, .. } => {
                for effect in effects.iter() {
                    if let Effect::Document { id, .. } = effect {
                        committed.insert(id.to_string());
                    }
                }
            }
            What::Publish { message, outcome, .. } if outcome.took_effect() => _ = published.insert(message.id),
            What::External { operation_id, acted: true, .. } => _ = acted.insert(*operation_id),
            What::Reply { outcome, .. } if outcome.took_effect() => answers += 1,
            _ => {}
        }
    }
    let found = documents(evidence);
    if found != committed {
        return Err(format!("the store has {:?} that the trace has not", found.difference(&committed)));
    }
    let received = evidence.received.lock().expect("nobody panics").clone();
    if received != published {
        return Err(format!("the broker had {:?} that the trace has not", received.difference(&published)));
    }
    let really: BTreeSet<OperationId> = evidence.acted.lock().expect("nobody panics").iter().copied().collect();
    if really != acted {
        return Err(format!("the service acted for {:?}", really.difference(&acted)));
    }
    if *evidence.answers.lock().expect("nobody panics") > answers {
        return Err("the client heard an answer that the trace has not".to_owned());
    }
    if !report.held() {
        return Err(format!("{:?}", report.violations));
    }
    Ok(dead.len() as u64)
}

fn judge_all(pace: Duration) {
    for (name, shape) in SHAPES {
        let mut deaths = 0;
        for seed in 0..SEEDS {
            let (report, evidence) = execute(shape, seed, pace);
            deaths += judge(&report, &evidence).unwrap_or_else(|wrong| panic!("{name}, seed {seed}: {wrong}"));
        }
        // A service of few calls is often struck where it makes none.
        assert!(deaths > SEEDS / 6, "{name}: only {deaths} deaths in {SEEDS} seeds");
    }
}

#[test]
fn after_a_crash_no_effect_and_no_event_of_that_incarnation_is_left_whatever_the_shape_of_its_futures() {
    judge_all(Duration::ZERO);
}

/// A commit that its store was given is decided by the store, once: the process, should it die meanwhile, dies when that
/// is done; and should it drop the call, the trace says all the same what became of it.
#[test]
fn the_same_holds_where_the_store_takes_its_time_about_a_commit() {
    judge_all(Duration::from_millis(4));
}
