//! A fault may last for hours or days: a service that polls and writes its leases meanwhile is no livelock.

use seaworthy_core::ports::Operation;
use seaworthy_scenarios::{payments::PaymentService, welcoming::Welcoming};
use seaworthy_sim::{
    generate::generate,
    invariants::Ending,
    plan::{CallFault, Disturbance, Fault, Profile, TimedFault, Verdict},
    scenario::Scenario,
    world::{RunOptions, run},
};

const HOUR_MS: u32 = 3_600_000;

fn holds<S: Scenario>(scenario: &S, fault: Fault) {
    let mut plan = generate(scenario, 7, Profile::Calm);
    plan.faults.push(fault.clone());
    let report = run(scenario, &plan, &RunOptions::default()).expect("the plan is valid");
    assert_eq!((report.ending, report.violations.as_slice()), (Ending::Quiet, [].as_slice()), "{fault}");
    assert_eq!(report.fired.len(), 1, "{fault}");
}

fn late_copy(process: &str, hours: u32) -> Fault {
    let (process, point) = (process.into(), Operation::Publish.into());
    Fault::Call(CallFault { process, point, nth: 1, verdict: Verdict::Duplicate { after_ms: hours * HOUR_MS } })
}

#[test]
fn a_copy_that_comes_hours_later_is_waited_for_by_a_service_that_polls() {
    holds(&PaymentService::new(), late_copy("payments-1", 3));
    holds(&Welcoming, late_copy("accounts-1", 36));
}

#[test]
fn an_outage_of_hours_is_waited_for_by_a_service_that_polls() {
    let outage = TimedFault { from_ms: 100, to_ms: 4 * u64::from(HOUR_MS), what: Disturbance::BrokerOutage };
    holds(&PaymentService::new(), Fault::Timed(outage));
}
