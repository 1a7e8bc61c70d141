//! Five ways to handle something without its effect, each a small service with the mistake and without it: the stock
//! invariants alone find the one and pass the other.

mod error_path_marks_as_processed;
mod failure_cached;
mod fence_per_instance;
pub(crate) mod in_flight_key;
mod outbox_as_fallback;
mod publish_first;

use seaworthy_sim::{
    check,
    explore::{Campaign, Seeds, SweepOptions, Until, sweep},
    plan::Profile,
    scenario::Scenario,
};

use crate::small_service::Service;

/// Of every profile the same share.
fn campaign(service: &Service, seeds: u64) -> Campaign {
    let mut options = SweepOptions::new(Seeds::Base(0x5ea_0007), Until::runs(seeds));
    options.profiles = Profile::ALL.to_vec();
    options.search.jobs = 1;
    sweep(service, &options, &|_| {}).expect("the sweep has seeds")
}

fn until_found(service: &Service) -> Campaign {
    let mut options = SweepOptions::new(Seeds::Base(0x5ea_0007), Until::runs(5_000));
    options.search.until.failures = Some(1);
    options.search.jobs = 1;
    sweep(service, &options, &|_| {}).expect("the sweep has seeds")
}

/// Seeds of each right twin: a small share of what the proof campaign runs.
const SEEDS: u64 = 1_500;

#[test]
fn each_mechanism_is_found_by_the_stock_invariants_and_its_right_twin_is_not_accused() {
    for (wrong, right) in [
        (in_flight_key::WRONG, in_flight_key::RIGHT),
        (failure_cached::WRONG, failure_cached::RIGHT),
        (fence_per_instance::WRONG, fence_per_instance::RIGHT),
        (error_path_marks_as_processed::WRONG, error_path_marks_as_processed::RIGHT),
        (outbox_as_fallback::WRONG, outbox_as_fallback::RIGHT),
    ] {
        let found = until_found(&wrong);
        let failure = found.first_failure().unwrap_or_else(|| panic!("{} held", wrong.name()));
        println!("{:<40} {:>5} seeds  {}", wrong.name(), found.runs, failure.violation.sentence);
        assert_eq!(failure.violation.invariant, "handled-without-effect", "{}", failure.violation.sentence);
        let right = campaign(&right, SEEDS);
        assert_eq!(right.failed, 0, "{}: {:#?}", right.scenario, right.failures);
        assert!(right.invariants["handled-without-effect"].times > SEEDS, "{}", right.scenario);
    }
}

#[test]
fn the_simplest_right_services_pass_a_strict_check_as_they_are() {
    // One message for each key, and all it does with a broker and an inbox; then one without a broker.
    for (service, left_out) in [
        (
            error_path_marks_as_processed::RIGHT,
            "invariant per-key-order (no run had two messages of one key under way at a time)",
        ),
        (
            failure_cached::RIGHT,
            "fault broker_outage (no run made a call that it strikes (publish, subscribe, receive, ack, nack, extend))",
        ),
    ] {
        let campaign =
            check(service).seeds(1_000).base_seed(0x5ea_0008).verify().unwrap_or_else(|error| panic!("{error}"));
        let verdict = campaign.verdict();
        assert!(verdict.left_out.iter().any(|found| found.to_string() == left_out), "{verdict}");
    }
}

#[test]
fn a_service_that_publishes_first_and_stages_what_the_broker_did_not_take_is_not_accused() {
    let right = campaign(&publish_first::RIGHT, SEEDS);
    assert_eq!(right.failed, 0, "{:#?}", right.failures);
    assert!(right.invariants["lost-event"].times > 0, "some were staged");
}
