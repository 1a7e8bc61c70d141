//! A relay in a process of its own, beside the service whose messages it publishes: neither stops when the other one dies.

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    message::MessageBuilder,
    outbox::Relay,
    ports::{Expected, Operation, Ports, StoreError, Timestamp},
};
use seaworthy_sim::{
    plan::{CallFault, FORMAT, Fault, Plan, Restart, Schedule, Verdict},
    scenario::{Boot, Client, Draw, Scenario, Topology, Workload},
    trace::{Event, What},
    world::{RunOptions, RunReport, run},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A front that takes orders, a publisher on the same store, and somebody who looks on.
struct Apart;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Orders(Vec<String>);

impl Workload for Orders {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn without(&self, range: std::ops::Range<usize>) -> Self {
        let mut orders = self.0.clone();
        orders.drain(range);
        Self(orders)
    }
}

async fn front(boot: Boot) {
    while let Some(request) = boot.ports.ingress.next().await {
        let id = String::from_utf8_lossy(&request.body).into_owned();
        if place(&boot.ports, &id).await.is_ok() {
            request.response.accept(Bytes::new());
        }
    }
}

async fn place(ports: &Ports, id: &str) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    if tx.get("orders", id).await?.is_none() {
        tx.put("orders", id, Expected::Absent, Bytes::from_static(b"{}")).await?;
        let placed = MessageBuilder::new("front", "order.placed", id).topic("orders");
        let name = Uuid::new_v5(&Uuid::nil(), id.as_bytes());
        tx.stage(&placed.derive(name, &["placed"], Timestamp::EPOCH)).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn publisher(boot: Boot) {
    Relay::new(&boot.ports).run().await;
}

#[async_trait]
impl Scenario for Apart {
    type Workload = Orders;

    fn name(&self) -> &str {
        "apart"
    }

    fn topology(&self) -> Topology {
        Topology::new().process("front-1", "front", "orders", front).process(
            "publisher-1",
            "publisher",
            "orders",
            publisher,
        )
    }

    fn workload(&self, _: &mut Draw) -> Orders {
        Orders((0..8).map(|number| format!("order-{number}")).collect())
    }

    async fn drive(&self, workload: &Orders, client: Client) {
        for id in &workload.0 {
            client.ask("front", "place", Bytes::from(id.clone())).await.expect("accepted");
            client.sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

/// A minute, or until all that was asked for is answered: nothing that the other process does meanwhile is a matter of luck.
const DOWN_MS: u32 = 60_000;

/// Runs it with one process ended at a call of its own; `None` if it makes fewer.
fn ended_at(process: &str, point: Operation, nth: u32, verdict: fn(Restart) -> Verdict) -> Option<RunReport> {
    let restart = Restart { after_ms: DOWN_MS, upgrade: false };
    let fault = Fault::Call(CallFault { process: process.into(), point: point.into(), nth, verdict: verdict(restart) });
    let workload = Apart.workload(&mut Draw::stream(0, 0));
    let (format, scenario, schedule) = (FORMAT.into(), "apart".into(), Schedule::default());
    let plan = Plan { format, scenario, seed: 31, schedule, workload, faults: vec![fault] };
    let report = run(&Apart, &plan, &RunOptions::default().keep_trace(true)).expect("a valid plan");
    assert!(report.held(), "{:#?}", report.violations);
    (!report.fired.is_empty()).then_some(report)
}

/// The events from the death of a process to its next boot, and those before.
fn while_down(report: &RunReport, process: &str) -> (Vec<Event>, Vec<Event>) {
    let trace = report.trace.clone().expect("it was asked for");
    let is = |event: &Event| report.processes.get(usize::from(event.process.0)).is_some_and(|name| name == process);
    let died = trace.iter().position(|event| is(event) && event.what == What::Crash).expect("it died");
    let back = trace[died..].iter().position(|event| is(event) && matches!(event.what, What::Boot { .. }));
    let back = died + back.expect("it came back");
    (trace[..died].to_vec(), trace[died..back].to_vec())
}

fn published(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(&event.what, What::Publish { outcome, .. } if outcome.took_effect())).count()
}

fn committed(events: &[Event]) -> usize {
    let staged = |event: &Event| matches!(&event.what, What::Commit { .. } if !event.effects().is_empty());
    events.iter().filter(|event| staged(event)).count()
}

#[test]
fn seed_31_what_a_service_has_committed_is_published_while_it_is_down() {
    let mut deaths = 0;
    for nth in 1.. {
        let Some(report) = ended_at("front-1", Operation::Commit, nth, Verdict::CrashAfter) else { break };
        let (before, meanwhile) = while_down(&report, "front-1");
        let (was_committed, was_published) = (committed(&before), published(&before));
        assert!(was_published < was_committed, "it died with its last message in the outbox");
        assert_eq!(was_published + published(&meanwhile), was_committed, "at its {nth}th commit");
        deaths += 1;
    }
    assert_eq!(deaths, 8, "once at each order");
}

#[test]
fn seed_31_a_service_takes_orders_while_its_relay_is_down() {
    let mut deaths = 0;
    for nth in 1.. {
        let Some(report) = ended_at("publisher-1", Operation::Publish, nth, Verdict::CrashBefore) else { break };
        let (before, meanwhile) = while_down(&report, "publisher-1");
        assert_eq!(committed(&before) + committed(&meanwhile), 8, "at its {nth}th publish all were taken");
        let replied = |event: &&Event| matches!(event.what, What::Reply { accepted: true, .. });
        assert_eq!(before.iter().chain(&meanwhile).filter(replied).count(), 8, "and answered");
        assert_eq!(published(&meanwhile), 0);
        deaths += 1;
    }
    assert!(deaths >= 8, "{deaths} deaths");
}
