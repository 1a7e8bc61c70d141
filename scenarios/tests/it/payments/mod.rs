//! The payments service on tables of its own: right under every profile, and each of its bugs found by the shipped
//! invariants and the declared tables alone.

mod causes;

use seaworthy_core::ports::Operation;
use seaworthy_scenarios::payments::{PaymentService, bugs};
use seaworthy_sim::{
    explore::{Seeds, ShrinkOptions, Source, SweepOptions, Until, shrink, sweep},
    generate::generate,
    plan::{CallFault, Fault, Latency, Plan, Profile, Restart, Schedule, Verdict},
    scenario::{Scenario, Workload},
    story::{Pointers, Style, tell},
    trace::{Names, Renderer},
    world::{RunOptions, RunReport, run},
};

use self::causes::{FOUND, Found};
use crate::{
    side_by_side::side_by_side,
    stories::{BASE_SEEDS, ROWS_MAX, Teller, rows},
};

/// Fixed, so that the table below is the same each time.
const BASE_SEED: u64 = 0x9a1d;
/// Ten times what the rarest of the bugs needs.
const SEEDS_MAX: u64 = 2_000;
/// Of each profile; a campaign of 100,000 each is for an optimised build (`seaworthy run payments --profile ...`).
const SEEDS_RIGHT: u64 = 60;
/// For what costs much: a request without an answer, a message that is not handled, a run that is stuck.
const SLOW_SEEDS: [u64; 4] = [1, 2, 4, 6];

fn until_first_failure() -> SweepOptions {
    let mut options = SweepOptions::new(Seeds::Base(BASE_SEED), Until::runs(SEEDS_MAX));
    options.search.until.failures = Some(1);
    // One at a time: seeds to detection then do not depend on the machine.
    options.search.jobs = 1;
    options
}

#[test]
fn the_service_with_everything_right_holds_under_every_profile() {
    let mut options = SweepOptions::new(Seeds::Base(BASE_SEED), Until::runs(SEEDS_RIGHT * Profile::ALL.len() as u64));
    options.profiles = Profile::ALL.to_vec();
    let campaign = sweep(&PaymentService::new(), &options, &|_| {}).expect("the sweep has seeds");
    assert_eq!(campaign.failed, 0, "{:#?}", campaign.failures);
}

#[test]
fn each_bug_is_found_by_the_shipped_invariants_and_its_short_story_shows_what_the_right_service_never_does() {
    println!("{:<24} {:>6}  {:>6}  {:>8}  violates", "bug", "seeds", "faults", "payments");
    let mut stories: Vec<(String, Vec<String>)> = Vec::new();
    for (service, Found { bug, invariants, cause }) in bugs::all().into_iter().zip(FOUND) {
        let name = service.name().trim_start_matches("payments/").to_owned();
        assert_eq!(name, bug);
        let campaign = sweep(&service, &until_first_failure(), &|_| {}).expect("the sweep has seeds");
        let failure = campaign.failures.first().unwrap_or_else(|| panic!("{name} held for {SEEDS_MAX} seeds"));
        let Source::Seed { seed, profile } = failure.source else { panic!("{name} failed under no seed") };
        let plan = generate(&service, seed, profile);
        let right = where_all_is_right(&plan);
        assert!(right.held(), "{name}: the right service fails under the same plan");
        assert!(!cause(&all_rows(&right)), "{name}: the right service does it, too, under the same plan");

        let shrunk = shrink(&service, &plan, &failure.violation, &ShrinkOptions::default(), &|_| {});
        let shrunk = shrunk.unwrap_or_else(|error| panic!("{name}: {error}"));
        let (faults, payments) = (shrunk.plan.faults.len(), shrunk.plan.workload.len());
        let invariant = shrunk.violation.invariant.as_str();
        println!("{name:<24} {:>6}  {faults:>6}  {payments:>8}  {invariant}", campaign.runs);
        assert!(invariants.contains(&invariant), "{name} is found by {invariant}: {}", shrunk.violation.sentence);
        assert!(faults <= 2, "{name} needs {faults} faults");
        assert!(payments <= 2, "{name} needs {payments} payments");

        let story = story(&shrunk.plan, &shrunk.report);
        let told = rows(&story);
        assert!(told.len() <= ROWS_MAX, "{name}: {} rows\n{story}", told.len());
        assert!(cause(&told), "{name}: its story does not show the cause\n{story}");
        // What a story leaves out must not be what makes it look like that.
        assert!(cause(&all_rows(&shrunk.report)), "{name}: the whole run does not show the cause\n{story}");
        let right = where_all_is_right(&shrunk.plan);
        assert!(right.held(), "{name}: the right service fails under the shrunk plan");
        let healthy = all_rows(&right);
        assert!(!cause(&healthy), "{name}: the right service does it, too:\n{}", healthy.join("\n"));
        stories.push((name, told));
    }
    for (name, told) in &stories {
        println!("{name}\n{}\n", told.join("\n"));
        for (Found { bug, cause, .. }, (other, others)) in FOUND.into_iter().zip(&stories) {
            assert!(bug == name || !cause(told), "the story of {name} shows the cause of {bug}");
            assert!(other == name || words(told) != words(others), "{name} and {other} have the same story");
        }
    }
}

/// The other process dies of no fault: it ran the older release when the world healed.
#[test]
fn who_is_replaced_by_the_next_release_is_told_with_what_replaced_it() {
    let service = bugs::all().into_iter().find(|bug| bug.name().ends_with("lock-without-lease")).expect("there is one");
    let stop = CallFault {
        process: "payments-1".into(),
        point: Operation::Commit.into(),
        nth: 1,
        verdict: Verdict::Stop(Restart { after_ms: 0, upgrade: true }),
    };
    let calm = (0..).map(|seed| generate(&service, seed, Profile::Calm)).find(|plan| !plan.workload.is_empty());
    let plan = calm.expect("one of them");
    let workload = plan.workload.without(0..plan.workload.len());
    let schedule = Schedule { latency: Latency::Equal { ms: 1 }, stall_per_mille: 0 };
    let plan = Plan { workload, schedule, faults: vec![Fault::Call(stop)], ..plan };
    let report = run(&service, &plan, &RunOptions::default().keep_trace(true)).expect("the same topology");
    let story = story(&plan, &report);
    let told = rows(&story);
    let words =
        ["stop", "boots release 2", "lock poller of locks is held", "crashes", "healed: everyone is to run release 2"];
    for words in words {
        assert!(told.iter().any(|row| row.contains(words)), "no row says {words:?}\n{story}");
    }
    let looks = told.iter().filter(|row| row.contains("look for due rows")).count();
    assert!(looks <= 3, "{looks} looks\n{story}");
}

#[test]
fn whichever_seed_fails_the_story_of_a_bug_has_the_cause() {
    let bugs: Vec<_> = bugs::all().into_iter().zip(FOUND).collect();
    side_by_side(&bugs, |(service, Found { bug, invariants, cause })| {
        // What is given up after an hour of virtual time costs a hundred times what ends at once.
        let is_slow = ["second-begin", "lock-without-lease"].contains(bug);
        let base_seeds = if is_slow { &SLOW_SEEDS[..] } else { &BASE_SEEDS[..] };
        let teller = Teller::new(service);
        for base_seed in base_seeds {
            let story = teller.story(*base_seed);
            let told = rows(&story);
            assert!(told.len() <= ROWS_MAX, "{bug}, base seed {base_seed}: {} rows\n{story}", told.len());
            let names_what_it_waits_for = story.contains(", while its own task holds t");
            assert_eq!(names_what_it_waits_for, *bug == "second-begin", "{bug}, base seed {base_seed}\n{story}");
            assert!(cause(&told), "{bug}, base seed {base_seed}: its story does not show the cause\n{story}");
            // It waits for itself where a message comes a second time.
            let deliveries = told.iter().filter(|row| row.contains("deliver m1 to ledger")).count();
            assert!(deliveries >= 2 || *bug != "second-begin", "{bug}, base seed {base_seed}\n{story}");
            let is_found_by = |invariant: &&str| story.contains(&format!("violated {invariant}\n"));
            assert!(invariants.iter().any(is_found_by), "{bug}, base seed {base_seed}\n{story}");
        }
    });
}

/// The right service under the same plan.
fn where_all_is_right<W>(plan: &Plan<W>) -> RunReport
where
    PaymentService: Scenario<Workload = W>,
    W: Workload,
{
    let right = PaymentService::new();
    let control = Plan { scenario: right.name().into(), ..plan.clone() };
    run(&right, &control, &RunOptions::default().keep_trace(true)).expect("the same topology")
}

fn story<W: Workload>(plan: &Plan<W>, report: &RunReport) -> String {
    // So wide that each event is one line.
    let style = Style::default().width(1_000);
    tell(plan, report, Pointers::new("replay")).terminal(style)
}

/// Each event of a run, in the words of a story.
fn all_rows(report: &RunReport) -> Vec<String> {
    let trace = report.trace.as_deref().expect("it was asked for");
    let mut renderer = Renderer::new(&report.processes).with_names(Names::from_events(trace));
    trace.iter().map(|event| renderer.line(event)).collect()
}

/// Rows without moments, lanes and numbers: whoever reads them reads the same story.
fn words(rows: &[String]) -> Vec<String> {
    let is_text = |letter: &char| letter.is_ascii() && !letter.is_ascii_digit() && !" .".contains(*letter);
    rows.iter().map(|row| row.chars().filter(is_text).collect()).collect()
}
