//! What the core tells `tracing`, laid beside the trace of a run with virtual time.

use seaworthy_core::ports::Operation;
use seaworthy_scenarios::order_fulfillment::{OrderFulfillment, Orders, PlannedOrder};
use seaworthy_sim::{
    generate::generate,
    plan::{CallFault, FORMAT, Fault, Plan, Profile, Restart, Schedule, Verdict},
    scenario::Scenario,
    trace::{Renderer, SpanContent, interleave},
    world::{RunOptions, RunReport, run},
};

/// One order whose two possible owners each die after their second commit.
fn crashed(scenario: &OrderFulfillment) -> Plan<Orders> {
    let order = PlannedOrder {
        at_ms: 0,
        id: "order-1".into(),
        sku: "cd-1".into(),
        quantity: 2,
        amount_cents: 2_598,
        customer: 7,
        cancel_after_ms: None,
    };
    let crash = |process: &str| {
        let verdict = Verdict::CrashAfter(Restart { after_ms: 200, upgrade: false });
        Fault::Call(CallFault { process: process.into(), point: Operation::Commit.into(), nth: 2, verdict })
    };
    Plan {
        format: FORMAT.into(),
        scenario: scenario.name().into(),
        seed: 7,
        schedule: Schedule::default(),
        workload: Orders { stock: [("cd-1".into(), 10)].into(), orders: vec![order] },
        faults: vec![crash("orders-1"), crash("orders-2")],
    }
}

fn execute(scenario: &OrderFulfillment, plan: &Plan<Orders>, keep_spans: bool) -> RunReport {
    let options = RunOptions::default().keep_trace(true).keep_spans(keep_spans);
    run(scenario, plan, &options).expect("a valid plan")
}

fn lines(report: &RunReport) -> Vec<String> {
    let (events, told) = (report.trace.as_deref().expect("kept"), report.spans.as_deref().expect("kept"));
    interleave(&report.processes, events, told)
}

#[test]
fn the_spans_of_one_order_whose_process_dies_between_commit_and_reply() {
    let scenario = OrderFulfillment::new();
    let plan = crashed(&scenario);
    let report = execute(&scenario, &plan, true);
    assert!(report.held() && !report.fired.is_empty(), "{:?}", report.violations);
    assert_eq!(lines(&report), lines(&execute(&scenario, &plan, true)), "a replay tells the same");
    insta::assert_snapshot!(lines(&report).join("\n"));
}

/// Every profile, so that recovery, redelivery and compensation tell, too.
#[test]
fn a_run_with_spans_is_the_same_run() {
    let scenario = OrderFulfillment::new();
    for profile in Profile::ALL {
        for seed in 0..5 {
            let plan = generate(&scenario, seed, profile);
            let (with, without) = (execute(&scenario, &plan, true), execute(&scenario, &plan, false));
            assert_eq!(with.fingerprint, without.fingerprint, "seed {seed} of {profile}");
            assert_eq!(with.trace, without.trace, "seed {seed} of {profile}");
            assert_eq!(without.spans, None);
            let mut renderer = Renderer::new(&without.processes);
            let mut all = lines(&with).into_iter();
            for event in without.trace.iter().flatten() {
                let line = renderer.line(event);
                assert!(all.any(|other| other == line), "missing, changed or out of order: {line}");
            }
        }
    }
}

#[test]
fn what_is_told_has_its_process_its_moment_and_its_place_among_the_spans() {
    let scenario = OrderFulfillment::new();
    let report = execute(&scenario, &crashed(&scenario), true);
    let (events, told) = (report.trace.expect("kept"), report.spans.expect("kept"));
    let mut steps = 0;
    for one in &told {
        // Between the event before it and the one after it, of a process that was up.
        let moment = |number: u64| events.get(number as usize).map(|event| event.at);
        assert!(one.before.checked_sub(1).and_then(moment).is_none_or(|at| at <= one.at), "{one:?}");
        assert!(moment(one.before).is_none_or(|at| one.at <= at), "{one:?}");
        assert!(usize::from(one.process.0) < report.processes.len() && one.incarnation > 0, "{one:?}");
        if let SpanContent::Opened { name: "consume", fields } = &one.what {
            assert!(fields.iter().any(|(name, _)| *name == "message"), "the id of what is consumed: {one:?}");
        }
        if let SpanContent::Opened { name: "step", .. } = one.what {
            assert_eq!(one.depth, 1, "a step lies within its saga: {one:?}");
            steps += 1;
        }
    }
    assert!(steps >= 4, "reserve, charge, confirm and ship: {steps}");
    let incarnations: Vec<u32> = told.iter().map(|one| one.incarnation).collect();
    assert!(incarnations.contains(&1) && incarnations.contains(&2), "before and after the crash");
}
