//! Traces of fixed plans and a failure's report, compared line by line.

use seaworthy_core::ports::Operation;
use seaworthy_scenarios::{
    catalog,
    order_fulfillment::{OrderFulfillment, Orders, PlannedOrder},
};
use seaworthy_sim::{
    plan::{CallFault, FORMAT, Fault, Plan, Restart, Schedule, Verdict},
    scenario::Scenario,
    story::{Pointers, Style, tell},
    trace::Renderer,
    world::{RunOptions, RunReport, run},
};

/// One order for two of a well-stocked article.
fn one_order(scenario: &OrderFulfillment, faults: Vec<Fault>) -> Plan<Orders> {
    let order = PlannedOrder {
        at_ms: 0,
        id: "order-1".into(),
        sku: "cd-1".into(),
        quantity: 2,
        amount_cents: 2_598,
        customer: 7,
        cancel_after_ms: None,
    };
    Plan {
        format: FORMAT.into(),
        scenario: scenario.name().into(),
        seed: 7,
        schedule: Schedule::default(),
        workload: Orders { stock: [("cd-1".into(), 10)].into(), orders: vec![order] },
        faults,
    }
}

fn at_call(process: &str, point: Operation, nth: u32, verdict: Verdict) -> Fault {
    Fault::Call(CallFault { process: process.into(), point: point.into(), nth, verdict })
}

fn report(scenario: &OrderFulfillment, plan: &Plan<Orders>) -> RunReport {
    let options = RunOptions::default().keep_trace(true);
    run(scenario, plan, &options).expect("a valid plan")
}

fn lines(report: &RunReport) -> String {
    let mut renderer = Renderer::new(&report.processes);
    let trace = report.trace.as_deref().expect("kept");
    trace.iter().map(|event| renderer.line(event) + "\n").collect()
}

#[test]
fn the_trace_of_one_order_in_calm() {
    let scenario = OrderFulfillment::new();
    let report = report(&scenario, &one_order(&scenario, vec![]));
    assert!(report.held(), "{:?}", report.violations);
    insta::assert_snapshot!(lines(&report));
}

#[test]
fn the_trace_of_one_order_whose_process_dies_between_commit_and_reply() {
    let scenario = OrderFulfillment::new();
    let crash = |process| {
        at_call(process, Operation::Commit, 2, Verdict::CrashAfter(Restart { after_ms: 200, upgrade: false }))
    };
    let report = report(&scenario, &one_order(&scenario, vec![crash("orders-1"), crash("orders-2")]));
    assert!(report.held(), "{:?}", report.violations);
    assert!(!report.fired.is_empty(), "the crash struck");
    insta::assert_snapshot!(lines(&report));
}

#[test]
fn the_story_of_a_dual_write() {
    let scenario = catalog::find("order_fulfillment/dual-write").expect("listed");
    // The last of a process's commits that can lose the message is the one before it publishes.
    let processes = ["orders-1", "orders-2"];
    let crashes = (1..=12).rev().flat_map(|nth| processes.map(|process| (process, nth)));
    let mut runs = crashes.map(|(process, nth)| {
        let crash = Verdict::CrashAfter(Restart { after_ms: 0, upgrade: false });
        let plan = one_order(&scenario, vec![at_call(process, Operation::Commit, nth, crash)]);
        let report = report(&scenario, &plan);
        (plan, report)
    });
    let failed = runs.find(|(_, report)| !report.held());
    let (plan, report) = failed.expect("a dual write loses the event in one of these runs");
    let pointers = Pointers::new("seaworthy replay plan.json");
    insta::assert_snapshot!(tell(&plan, &report, pointers).terminal(Style::default()));
}
