//! A run is not at rest while a call is under way or a process stands still, however long that lasts.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    ids::OperationId,
    ports::{Expected, ExternalCall, Operation, Ports, Refusal},
};
use seaworthy_sim::{
    external::Service,
    plan::{CallFault, Disturbance, FORMAT, Fault, Latency, Plan, Schedule, TimedFault, Verdict},
    scenario::{Boot, Client, Draw, Scenario, Topology},
    trace::{Effect, What},
    world::{RunOptions, RunReport, run},
};
use smol_str::SmolStr;

use super::booked::Asked;

/// Accepts a charge, waits twice, asks a bank for it, and only then writes it down.
struct Charges {
    wait: Duration,
}

struct Bank;

impl Service for Bank {
    fn act(&mut self, _: &ExternalCall) -> Result<Bytes, Refusal> {
        Ok(Bytes::new())
    }

    fn subject(&self, _: &ExternalCall) -> SmolStr {
        SmolStr::new_static("bank")
    }
}

async fn charge(ports: &Ports, wait: Duration) {
    let request = ports.ingress.next().await.expect("nobody asks it to stop");
    request.response.accept(Bytes::new());
    if !wait.is_zero() {
        ports.clock.sleep(wait).await;
        ports.clock.sleep(wait).await;
    }
    let call = ExternalCall {
        service: "bank".into(),
        operation: "charge".into(),
        operation_id: OperationId(uuid::Uuid::from_u128(1)),
        body: Bytes::new(),
    };
    ports.external.call(&call).await.expect("calm");
    let mut tx = ports.store.begin().await.expect("calm");
    tx.put("charges", "one", Expected::Absent, Bytes::new()).await.expect("calm");
    tx.observe("charged", "one", 1);
    tx.commit().await.expect("calm");
}

#[async_trait]
impl Scenario for Charges {
    type Workload = Asked;

    fn name(&self) -> &str {
        "charges"
    }

    fn about(&self) -> &str {
        "accepted first, charged and written down after"
    }

    fn topology(&self) -> Topology {
        let wait = self.wait;
        Topology::new()
            .without_protocol()
            .process("one", "service", "store", move |boot: Boot| async move {
                charge(&boot.ports, wait).await;
                std::future::pending().await
            })
            .external("bank", || Bank)
    }

    fn workload(&self, _: &mut Draw) -> Asked {
        Asked(1)
    }

    async fn drive(&self, _: &Asked, client: Client) {
        client.ask("service", "charge", Bytes::new()).await.expect("accepted");
    }
}

fn execute(faults: Vec<Fault>) -> RunReport {
    execute_after(Duration::ZERO, faults)
}

fn execute_after(wait: Duration, faults: Vec<Fault>) -> RunReport {
    let schedule = Schedule { latency: Latency::Equal { ms: 1 }, ..Schedule::default() };
    let plan =
        Plan { format: FORMAT.into(), scenario: "charges".into(), seed: 1, schedule, workload: Asked(1), faults };
    run(&Charges { wait }, &plan, &RunOptions::default().keep_trace(true)).expect("valid")
}

fn is_charged(report: &RunReport) -> bool {
    let trace = report.trace.iter().flatten();
    let mut effects = trace.filter_map(|event| match &event.what {
        What::Commit { effects, .. } => Some(effects),
        _ => None,
    });
    effects.any(|effects| {
        effects.iter().any(|effect| matches!(effect, Effect::Observed { fact, .. } if fact == "charged"))
    })
}

fn delayed(point: Operation, ms: u32) -> Fault {
    Fault::Call(CallFault { process: "one".into(), point: point.into(), nth: 1, verdict: Verdict::Delay { ms } })
}

#[test]
fn a_call_that_the_plan_delays_is_waited_for() {
    for ms in [2_391, 60_000, 7_200_000] {
        for point in [Operation::External, Operation::Begin, Operation::Commit] {
            let report = execute(vec![delayed(point, ms)]);
            assert!(report.held(), "{point:?} {ms}: {:?}", report.violations);
            assert!(is_charged(&report), "{point:?} {ms}");
        }
    }
}

#[test]
fn a_process_that_stands_still_is_waited_for() {
    for to_ms in [3_000, 60_000, 7_200_000] {
        let what = Disturbance::Pause { process: "one".into() };
        let report = execute(vec![Fault::Timed(TimedFault { from_ms: 2, to_ms, what })]);
        assert!(report.held(), "{to_ms}: {:?}", report.violations);
        assert!(is_charged(&report), "{to_ms}");
    }
}

#[test]
fn work_that_a_process_holds_in_memory_over_two_waits_is_waited_for() {
    for wait in [Duration::from_millis(10), Duration::from_secs(1), Duration::from_secs(600)] {
        let report = execute_after(wait, Vec::new());
        assert!(report.held(), "{wait:?}: {:?}", report.violations);
        assert!(is_charged(&report), "{wait:?}");
    }
}
