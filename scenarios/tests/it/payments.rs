//! The payments service on tables of its own: right under every profile, and each of its bugs found by the shipped
//! invariants and the declared tables alone.

use seaworthy_scenarios::payments::{PaymentService, bugs};
use seaworthy_sim::{
    explore::{Seeds, ShrinkOptions, Source, SweepOptions, shrink, sweep},
    generate::generate,
    plan::{Plan, Profile},
    scenario::{Scenario, Workload},
    story::{Pointers, Style, tell},
    world::{RunOptions, run},
};

use crate::stories::assert_tells;

/// Fixed, so that the table below is the same each time.
const BASE_SEED: u64 = 0x9a1d;
/// Ten times what the rarest of the bugs needs.
const SEEDS_MAX: u64 = 2_000;
/// Of each profile; a campaign of 100,000 each is for an optimised build (`seaworthy run payments --profile ...`).
const SEEDS_RIGHT: u64 = 60;

/// A bug, invariants, and lists of words.
type Found = (&'static str, &'static [&'static str], &'static [&'static [&'static str]]);

/// Each bug, the invariants of which one finds it, and what its story must say, each within one row: the cause, and what
/// came of it.
const FOUND: [Found; 10] = [
    ("mark-then-publish", &["lost-event"], &[&["commit", "is dispatched"], &["fault 0 strikes"]]),
    ("outbox-row-apart", &["conserved"], &[&["commit", "inserts payments"], &["commit", "stages m"]]),
    ("acknowledge-first", &["acknowledged-before-handled", "lost-event"], &[&["ack m", "by ledger"]]),
    (
        "effect-then-mark",
        &["duplicate-effect"],
        &[&["commit", "inserts bookings number=1"], &["commit", "inserts bookings number=2"]],
    ),
    ("batch-result-ignored", &["lost-event"], &[&["publish m", " = "], &["commit", "is dispatched"]]),
    ("fresh-id-per-attempt", &["phantom-event"], &[&["commit", "stages m1"], &["publish m2"]]),
    ("check-then-insert", &["duplicate-effect"], &[&["commit", "inserts payments"]]),
    (
        "second-begin",
        &["no-row-stuck", "request-unanswered", "message-unhandled"],
        &[&["commit", "ledger handles m1"], &["deliver m1"]],
    ),
    ("panic-on-payload", &["panic"], &[&["panics", "char boundary"]]),
    ("lock-without-lease", &["no-row-stuck"], &[&["commit", "stages m"], &["crashes"]]),
];

fn until_first_failure() -> SweepOptions {
    let mut options = SweepOptions::new(Seeds::Count { base: BASE_SEED, count: SEEDS_MAX });
    options.failures_wanted = Some(1);
    // One at a time: seeds to detection then do not depend on the machine.
    options.jobs = 1;
    options
}

#[test]
fn the_service_with_everything_right_holds_under_every_profile() {
    let mut options =
        SweepOptions::new(Seeds::Count { base: BASE_SEED, count: SEEDS_RIGHT * Profile::ALL.len() as u64 });
    options.profiles = Profile::ALL.to_vec();
    let campaign = sweep(&PaymentService::new(), &options, &|_| {}).expect("the sweep has seeds");
    assert_eq!(campaign.failed, 0, "{:#?}", campaign.failures);
}

#[test]
fn each_bug_is_found_by_the_shipped_invariants_and_the_declared_tables_and_shrunk_to_a_few_faults_and_payments() {
    println!("{:<24} {:>6}  {:>6}  {:>8}  violates", "bug", "seeds", "faults", "payments");
    for (service, (bug, invariants, wanted)) in bugs::all().into_iter().zip(FOUND) {
        let name = service.name().trim_start_matches("payments/").to_owned();
        assert_eq!(name, bug);
        let campaign = sweep(&service, &until_first_failure(), &|_| {}).expect("the sweep has seeds");
        let failure = campaign.failures.first().unwrap_or_else(|| panic!("{name} held for {SEEDS_MAX} seeds"));
        let Source::Seed { seed, profile } = failure.source else { panic!("{name} failed under no seed") };
        let plan = generate(&service, seed, profile);
        assert!(holds_where_all_is_right(&plan), "{name}: the right service fails under the same plan");

        let shrunk = shrink(&service, &plan, &failure.violation, &ShrinkOptions::default(), &|_| {});
        let shrunk = shrunk.unwrap_or_else(|error| panic!("{name}: {error}"));
        let (faults, payments) = (shrunk.plan.faults.len(), shrunk.plan.workload.len());
        let invariant = shrunk.violation.invariant.as_str();
        println!("{name:<24} {:>6}  {faults:>6}  {payments:>8}  {invariant}", campaign.runs);
        assert!(invariants.contains(&invariant), "{name} is found by {invariant}: {}", shrunk.violation.sentence);
        assert!(faults <= 2, "{name} needs {faults} faults");
        assert!(payments <= 2, "{name} needs {payments} payments");
        assert!(holds_where_all_is_right(&shrunk.plan), "{name}: the right service fails under the shrunk plan");
        // So wide that each event is one line.
        let style = Style { width: 1_000, ..Style::default() };
        let pointers = Pointers { plan_file: None, replay: "replay", keep: None };
        assert_tells(&name, &tell(&shrunk.plan, &shrunk.report, pointers, style), wanted);
    }
}

fn holds_where_all_is_right<W>(plan: &Plan<W>) -> bool
where
    PaymentService: Scenario<Workload = W>,
    W: Workload,
{
    let right = PaymentService::new();
    let control = Plan { scenario: right.name().into(), ..plan.clone() };
    run(&right, &control, &RunOptions::default()).expect("the same topology").held()
}
