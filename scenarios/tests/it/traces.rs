//! A trace in a file is the run: it reads back whole, and the invariants say of it what they said while it ran.

use std::collections::BTreeSet;

use seaworthy_scenarios::{
    card_table::CardTable,
    catalog, controls,
    event_store::EventStore,
    order_fulfillment::OrderFulfillment,
    payments::{self, PaymentService},
    specimens,
};
use seaworthy_sim::{
    catalogue::{Case, case},
    explore::{JudgeError, Rehearsal, judge_file},
    generate::generate,
    invariants::{Ending, Findings, Violation},
    plan::Profile,
    scenario::Scenario,
    trace::TraceFile,
    world::{RunOptions, RunReport, run},
};

/// Two plans of each profile.
const SEEDS: u64 = 2 * Profile::ALL.len() as u64;

fn options() -> RunOptions {
    RunOptions::default().keep_trace(true)
}

/// Runs plans of a scenario and shows each run with the file that its trace was read back from.
fn each<S: Scenario>(scenario: &S, mut see: impl FnMut(&RunReport, &TraceFile, &Rehearsal<'_, S>)) {
    let rehearsal = Rehearsal::new(scenario, options());
    for (seed, profile) in (0..SEEDS).zip(Profile::ALL.into_iter().cycle()) {
        let plan = generate(scenario, seed, profile);
        let report = rehearsal.run(&plan).expect("a drawn plan is valid");
        let written = case(scenario, plan).trace(&report, &options()).expect("it was kept");
        let text = written.print();
        let read = TraceFile::parse(&text).expect("its own");
        assert_eq!(read, written, "{} seed {seed} under {profile}", scenario.name());
        see(&report, &read, &rehearsal);
    }
}

fn reads_back<S: Scenario>(scenario: &S) {
    each(scenario, |report, file, _| {
        assert_eq!(Some(&file.events), report.trace.as_ref());
        assert_eq!((file.header.fingerprint, file.header.ending), (report.fingerprint, report.ending));
        assert!(file.is_intact(), "what was read has another fingerprint than what was run");
        let plan = file.header.plan.as_ref().expect("it was run from a plan");
        let plan = plan.read::<S::Workload>().expect("a plan").plan;
        let again = run(scenario, &plan, &RunOptions::default()).expect("it was run before");
        assert_eq!(again.fingerprint, report.fingerprint, "the plan in the file is another one");
    });
}

#[test]
fn drawn_runs_of_services_of_four_shapes_read_back_whole_with_the_plan_to_run_them_again() {
    reads_back(&PaymentService::new());
    reads_back(&controls::poller::controls()[0]);
    reads_back(&controls::lock::control());
    // Its rehearsals take longest: once is enough.
    each(&OrderFulfillment::new(), |report, file, _| {
        assert!(file.is_intact() && file.header.fingerprint == report.fingerprint);
    });
}

/// Judges a file, and says which invariants the run violated.
fn judge_again(report: &RunReport, found: &Findings) -> Vec<String> {
    assert_eq!(found.judged, report.judged);
    assert_eq!(found.reached, report.reached);
    assert_eq!(found.dealt, report.dealt);
    // What the world itself found is no invariant's, and no part of the trace.
    let is_judged = |violation: &&Violation| report.judged.iter().any(|known| known.invariant == violation.invariant);
    let live: Vec<&Violation> = report.violations.iter().filter(is_judged).collect();
    assert_eq!(live.len(), found.violations.len(), "{live:?} {:?}", found.violations);
    for (live, found) in live.iter().zip(&found.violations) {
        assert_eq!((&live.invariant, &live.entity, &live.events), (&found.invariant, &found.entity, &found.events));
        // A run that is given up says what it did over and over again behind what is missing.
        let rest = live.sentence.strip_prefix(&found.sentence);
        assert!(rest == Some("") || (report.ending == Ending::OutOfBudget && rest.is_some()), "{live:?} {found:?}");
    }
    live.into_iter().map(|violation| violation.invariant.to_string()).collect()
}

/// Judges runs of a scenario again by their files, and notes which invariants they violated and which were asked at all.
fn says_the_same<S: Scenario>(scenario: &S, violated: &mut BTreeSet<String>, asked: &mut BTreeSet<String>) {
    each(scenario, |report, file, rehearsal| {
        let found = rehearsal.judge(file).expect("it holds its plan");
        violated.extend(judge_again(report, &found));
        let judged = report.judged.iter().filter(|judged| judged.times > 0);
        asked.extend(judged.map(|judged| judged.invariant.to_string()));
    });
}

#[test]
fn the_invariants_say_of_a_file_what_they_said_of_the_run() {
    let (mut violated, mut asked) = (BTreeSet::new(), BTreeSet::new());
    for scenario in catalog::all() {
        says_the_same(&scenario, &mut violated, &mut asked);
    }
    assert!(violated.len() >= 5, "broken twins violate more than {violated:?}");
}

#[test]
fn the_invariants_of_streams_rejections_locks_and_sums_say_of_a_file_what_they_said_of_the_run() {
    let (mut violated, mut asked) = (BTreeSet::new(), BTreeSet::new());
    for scenario in [EventStore::new()].into_iter().chain(specimens::streams()) {
        says_the_same(&scenario, &mut violated, &mut asked);
    }
    for scenario in [CardTable::new()].into_iter().chain(specimens::cards()) {
        says_the_same(&scenario, &mut violated, &mut asked);
    }
    says_the_same(&PaymentService::new(), &mut violated, &mut asked);
    says_the_same(&payments::bugs::lock_without_lease::service(), &mut violated, &mut asked);
    for name in [
        "dense-streams",
        "gap-read-past",
        "checkpoint-beyond-effect",
        "event-once",
        "stands-still",
        "rejection-once",
        "lock-stranded",
        "chips-conserved",
    ] {
        assert!(asked.contains(name), "{name} is not among {asked:?}");
    }
    assert!(violated.len() >= 4, "broken twins violate more than {violated:?}");
}

#[test]
fn a_file_without_a_plan_or_of_another_scenario_is_not_judged() {
    let scenario = OrderFulfillment::new();
    let plan = generate(&scenario, 7, Profile::Calm);
    let report = Rehearsal::new(&scenario, options()).run(&plan).expect("a drawn plan is valid");
    let mut file = case(&scenario, plan).trace(&report, &options()).expect("it was kept");
    let wrong = judge_file(&PaymentService::new(), &file, &options()).expect_err("orders are no payments");
    assert!(matches!(wrong, JudgeError::Plan(_)), "{wrong}");
    file.header.plan = None;
    let wrong = judge_file(&scenario, &file, &options()).expect_err("nobody knows the workload");
    assert!(matches!(wrong, JudgeError::NoPlan), "{wrong}");
}
