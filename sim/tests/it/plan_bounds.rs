//! How long a plan's faults may last.

use crate::deposits::{Deposits, RIGHT};
use seaworthy_sim::{
    generate::generate,
    invariants::Ending,
    plan::{Disturbance, Fault, Plan, PlanError, Profile, TimedFault},
    scenario::Scenario,
    world::{RunOptions, run},
};

const TEN_YEARS_MS: u64 = 10 * 365 * 24 * 3_600_000;

/// Deposits take no time of their own, so the last request comes at once.
fn plan(to_ms: u64, what: Disturbance) -> Plan<Deposits> {
    let mut plan = generate(&RIGHT, 1, Profile::Calm);
    plan.faults.push(Fault::Timed(TimedFault { from_ms: 5, to_ms, what }));
    plan
}

fn validate(plan: &Plan<Deposits>) -> Result<(), PlanError> {
    plan.validate(RIGHT.name(), &RIGHT.topology())
}

fn disturbances() -> [Disturbance; 7] {
    let process = || "teller-1".into();
    [
        Disturbance::BrokerOutage,
        Disturbance::StoreOutage { store: "ledger".into() },
        Disturbance::ExternalOutage { service: "bank".into() },
        Disturbance::Partition { process: process() },
        Disturbance::Pause { process: process() },
        Disturbance::SlowLink { process: process(), extra_ms: 20 },
        Disturbance::ClockSkew { process: process(), offset_ms: -20 },
    ]
}

#[test]
fn a_fault_may_end_ten_years_after_the_last_request_and_no_later() {
    for what in disturbances() {
        assert!(validate(&plan(TEN_YEARS_MS, what.clone())).is_ok(), "{what:?}");
        let error = validate(&plan(TEN_YEARS_MS + 1, what.clone())).unwrap_err();
        assert!(matches!(error, PlanError::Range { .. }), "{what:?}: {error}");
    }
}

#[test]
fn the_fault_that_lasts_too_long_is_named() {
    let mut plan = plan(100 * 365 * 24 * 3_600_000, Disturbance::Pause { process: "teller-1".into() });
    plan.faults.insert(0, Fault::Timed(TimedFault { from_ms: 0, to_ms: 1, what: Disturbance::BrokerOutage }));
    assert_eq!(
        validate(&plan).unwrap_err().to_string(),
        "plan has fault 1 (from 5 to 3153600000000 ms `teller-1` stands still) that ends more than ten years after the \
         last request"
    );
    assert!(run(&RIGHT, &plan, &RunOptions::default()).is_err(), "and it is not run");
}

/// Two weeks of a client that asks again about every second are more calls than any run may make without a reason.
#[test]
fn waiting_for_the_end_of_a_long_outage_is_no_livelock() {
    let ms = 14 * 24 * 3_600_000;
    let report = run(&RIGHT, &plan(ms, Disturbance::StoreOutage { store: "ledger".into() }), &RunOptions::default());
    let report = report.expect("the plan is valid");
    assert_eq!((report.ending, report.violations.as_slice()), (Ending::Quiet, [].as_slice()));
    assert!(report.virtual_time.as_millis() >= u128::from(ms));
}
