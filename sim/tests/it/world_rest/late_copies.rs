//! A copy that comes hours later is waited for, consumed and judged, and then the run rests.

use std::time::Duration;

use bytes::Bytes;
use seaworthy_core::ports::{Expected, Operation, Ports, StoreError, SubscriptionSpec};
use seaworthy_sim::{
    invariants::Ending,
    plan::{CallFault, FORMAT, Fault, Latency, Plan, Schedule, Verdict},
    scenario::{Boot, EffectTable, Topology},
    trace::{Event, What},
    world::{RunOptions, RunReport, run},
};

use super::booked::{Asked, Payments};

const TWO_HOURS: Duration = Duration::from_secs(2 * 3_600);

fn payments(beside: fn(Topology) -> Topology) -> Payments {
    let poll = Duration::from_millis(100);
    Payments { beside: std::sync::Arc::new(beside), ..Payments::polled_every("late", poll) }
}

/// Runs two payments, of the first of which a copy comes two hours later.
fn execute(scenario: &Payments, point: Operation) -> RunReport {
    let verdict = Verdict::Duplicate { after_ms: TWO_HOURS.as_millis() as u32 };
    let fault = Fault::Call(CallFault { process: "payments-1".into(), point: point.into(), nth: 1, verdict });
    let plan = Plan {
        format: FORMAT.into(),
        scenario: "late".into(),
        seed: 1,
        schedule: Schedule { latency: Latency::Equal { ms: 1 }, ..Schedule::default() },
        workload: Asked(2),
        faults: vec![fault],
    };
    let report = run(scenario, &plan, &RunOptions::default().keep_trace(true)).expect("valid");
    assert_eq!(report.fired.len(), 1, "{point:?}");
    assert_eq!(report.ending, Ending::Quiet, "{point:?}: {:?}", report.violations);
    assert!(report.virtual_time > TWO_HOURS, "{point:?}: {:?}", report.virtual_time);
    // The world looks the more rarely the longer nothing happens: after two hours, each quarter of an hour.
    let rested = report.virtual_time - TWO_HOURS;
    assert!(rested < Duration::from_secs(30 * 60), "{point:?}: {rested:?}");
    report
}

/// What happened after two hours.
fn late(report: &RunReport) -> Vec<&Event> {
    let is_late = |event: &&Event| Duration::from_micros(event.at) > TWO_HOURS;
    report.trace.iter().flatten().filter(is_late).collect()
}

#[test]
fn a_copy_of_a_message_that_comes_two_hours_later_is_consumed_before_the_run_rests() {
    let report = execute(&payments(|topology| topology), Operation::Publish);
    assert!(report.held(), "{:?}", report.violations);
    let late = late(&report);
    let position = |wanted: fn(&What) -> bool| late.iter().position(|event| wanted(&event.what));
    let delivered = position(|what| matches!(what, What::Deliver { group, .. } if group == "ledger"));
    let acknowledged = position(|what| matches!(what, What::Ack { group, .. } if group == "ledger"));
    assert!(delivered.is_some() && delivered < acknowledged, "{late:?}");
    assert!(acknowledged < position(|what| matches!(what, What::Quiet)), "{late:?}");
}

#[test]
fn a_request_that_comes_again_two_hours_later_is_taken_before_the_run_rests() {
    let report = execute(&payments(|topology| topology), Operation::Request);
    assert!(report.held(), "{:?}", report.violations);
    let late = late(&report);
    assert!(late.iter().any(|event| matches!(event.what, What::Request { request: 1, .. })), "{late:?}");
}

#[test]
fn what_a_late_copy_does_wrong_is_found() {
    // Writes an entry for each delivery, whatever was there before.
    async fn enter(ports: &Ports, number: usize, payment: &str) -> Result<(), StoreError> {
        let mut tx = ports.store.begin().await?;
        let entry = format!(r#"{{"payment":"{payment}"}}"#);
        tx.put("entries", &number.to_string(), Expected::Absent, Bytes::from(entry)).await?;
        tx.commit().await
    }
    async fn audit(boot: Boot) {
        let spec = SubscriptionSpec { group: "audit".into(), topics: vec!["payments".into()] };
        let subscription = boot.ports.broker.subscribe(&spec).await.expect("calm");
        for number in 0.. {
            for delivery in subscription.receive(1).await.expect("calm") {
                enter(&boot.ports, number, &delivery.message.subject).await.expect("calm");
                subscription.ack(delivery.tag).await.expect("calm");
            }
        }
    }
    let report = execute(
        &payments(|topology| {
            let entries = EffectTable::documents("audit", "entries").one_per("payment");
            topology.process("audit-1", "audit", "audit", audit).group("audit", &["payments"]).effect_table(entries)
        }),
        Operation::Publish,
    );
    let [violation] = &report.violations[..] else { panic!("one violation: {:?}", report.violations) };
    assert_eq!(violation.invariant, "duplicate-effect", "{violation:?}");
    let last = violation.events.last().expect("it names the second entry");
    assert!(late(&report).iter().any(|event| event.number == *last), "{violation:?}");
}
