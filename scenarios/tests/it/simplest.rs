//! What is left of a failure is as simple as it can be: no plan that a reader would try by hand fails as well.

use seaworthy_scenarios::{order_fulfillment::OrderFulfillment, payments::bugs, specimens};
use seaworthy_sim::{
    explore::{Seeds, ShrinkOptions, Source, SweepOptions, Until, is_same_failure, shrink, sweep},
    generate::generate,
    invariants::Violation,
    plan::{CallFault, Fault, Latency, Plan, Profile, Schedule, Shrinker, Verdict},
    scenario::{Scenario, Workload},
    world::{RunOptions, run},
};

use crate::side_by_side::side_by_side;

const BASE_SEEDS: [u64; 3] = [1, 4, 25];
/// Runs that shrinking takes at most; it may take five thousand.
const RUNS_MAX: u64 = 2_500;

#[test]
fn no_plan_of_the_payments_bugs_that_is_simpler_in_one_way_fails_as_well() {
    let named = ["check-then-insert", "effect-then-mark", "fresh-id-per-attempt"];
    let bugs: Vec<_> = bugs::all().into_iter().filter(|bug| named.iter().any(|it| bug.name().ends_with(it))).collect();
    assert_eq!(bugs.len(), named.len());
    side_by_side(&bugs, assert_simplest);
}

#[test]
fn no_plan_of_the_twins_that_is_simpler_in_one_way_fails_as_well() {
    let twins = ["mark-before-publish", "effect-then-mark", "compensation-skipped-after-crash"].map(twin);
    side_by_side(&twins, assert_simplest);
}

/// Whatever the failure: one that is jumpy, so that simplifications help one another and get into each other's way.
#[test]
fn no_plan_that_is_simpler_in_one_way_than_what_is_left_of_an_arbitrary_failure_fails() {
    let scenario = OrderFulfillment::new();
    for salt in 0..48_u32 {
        let fails = |plan: &Plan<_>| fails_arbitrarily(plan, salt);
        let slow = Schedule { latency: Latency::Spread { min_ms: 5, max_ms: 280 }, stall_per_mille: 30 };
        let plans = (0..200).map(|seed| Plan { schedule: slow, ..generate(&scenario, seed, Profile::Everything) });
        let first = plans.into_iter().find(|plan| fails(plan)).expect("many do");
        let (mut shrinker, mut tried) = (Shrinker::new(first), 0);
        while let Some(candidate) = shrinker.propose() {
            let still = fails(candidate);
            shrinker.decide(still);
            tried += 1;
            assert!(tried < 3_000, "{tried} plans");
        }
        let best = shrinker.best();
        for simpler in simpler_in_one_way(best) {
            assert!(!fails(&simpler), "{} is simpler than {}", simpler.print(), best.print());
        }
    }
}

fn fails_arbitrarily<W: Workload>(plan: &Plan<W>, salt: u32) -> bool {
    let counted = |fault: &Fault| match fault {
        Fault::Call(call) => call.nth.wrapping_mul(salt + 3) + fault.kind() as u32 * (salt % 4),
        Fault::Timed(timed) => (timed.from_ms % 7) as u32,
        _ => 0,
    };
    let calls: u32 = plan.faults.iter().map(counted).sum();
    let longest = match plan.schedule.latency {
        Latency::Equal { ms } | Latency::Spread { max_ms: ms, .. } => ms,
        _ => 0,
    };
    let is_slow = longest >= [0, 9, 37, 101][salt as usize % 4];
    is_slow && !plan.faults.is_empty() && plan.workload.len() > 0 && (calls + salt) % 3 != 1
}

/// A row dies of an outage that is long enough, however long calls take; where they take as long each, it is a longer one.
#[test]
fn latencies_are_one_number_where_the_outage_then_has_to_be_longer() {
    let (plan, _) = smallest(&twin("outage-burns-budget"), 4);
    assert!(matches!(plan.schedule.latency, Latency::Equal { .. } | Latency::Zero), "{}", plan.print());
}

/// A pause in which another takes over is enough for two who check before they insert: latencies play no part in it.
#[test]
fn latencies_of_a_race_that_does_not_need_them_are_one_number() {
    let bug = bugs::all().into_iter().find(|bug| bug.name().ends_with("check-then-insert")).expect("there is one");
    let (plan, _) = smallest(&bug, 1);
    assert!(matches!(plan.schedule.latency, Latency::Equal { .. } | Latency::Zero), "{}", plan.print());
}

fn twin(slug: &str) -> OrderFulfillment {
    specimens::twins().into_iter().find(|twin| twin.name().ends_with(slug)).expect("there is one")
}

fn assert_simplest<S: Scenario>(scenario: &S) {
    for base in BASE_SEEDS {
        let (plan, violation) = smallest(scenario, base);
        for simpler in simpler_in_one_way(&plan) {
            let report = run(scenario, &simpler, &RunOptions::default()).expect("the same topology");
            assert!(
                !report.violations.iter().any(|found| is_same_failure(found, &violation)),
                "{} is simpler than {}",
                simpler.print(),
                plan.print(),
            );
        }
    }
}

/// The first failure from this base seed, shrunk.
fn smallest<S: Scenario>(scenario: &S, base: u64) -> (Plan<S::Workload>, Violation) {
    let mut options = SweepOptions::new(Seeds::Base(base), Until::runs(10_000).failures(1));
    options.search.jobs = 1;
    let campaign = sweep(scenario, &options, &|_| {}).expect("the sweep has seeds");
    let failure = campaign.failures.first().unwrap_or_else(|| panic!("{} held from {base}", scenario.name()));
    let Source::Seed { seed, profile } = failure.source else { panic!("{} failed under no seed", scenario.name()) };
    let plan = generate(scenario, seed, profile);
    let shrunk = shrink(scenario, &plan, &failure.violation, &ShrinkOptions::default(), &|_| {}).expect("it fails");
    println!(
        "{:<45} {base:>3}: {:>5} runs, {} faults, {} items, {:?}",
        scenario.name(),
        shrunk.runs,
        shrunk.plan.faults.len(),
        shrunk.plan.workload.len(),
        shrunk.plan.schedule,
    );
    assert!(shrunk.minimal && shrunk.runs < RUNS_MAX, "{} took {} runs", scenario.name(), shrunk.runs);
    (shrunk.plan, failure.violation.clone())
}

/// The plans that a reader would try by hand.
fn simpler_in_one_way<W: Workload>(plan: &Plan<W>) -> Vec<Plan<W>> {
    let mut simpler = Vec::new();
    for item in 0..plan.workload.len() {
        simpler.push(Plan { workload: plan.workload.without(item..item + 1), ..plan.clone() });
    }
    for at in 0..plan.faults.len() {
        let mut fewer = plan.clone();
        fewer.faults.remove(at);
        simpler.push(fewer);
        let milder: Vec<Fault> = match &plan.faults[at] {
            Fault::Call(call) => {
                let milder = weaker(call.verdict).iter().copied().filter(|verdict| verdict.fits(call.point));
                milder.map(|verdict| Fault::Call(CallFault { verdict, ..call.clone() })).collect()
            }
            Fault::Timed(timed) => {
                let half = (timed.to_ms - timed.from_ms) / 2;
                let (mut first, mut last) = (timed.clone(), timed.clone());
                first.to_ms = timed.from_ms + half;
                last.from_ms = timed.to_ms - half;
                if half > 0 { vec![Fault::Timed(first), Fault::Timed(last)] } else { Vec::new() }
            }
            _ => Vec::new(),
        };
        for milder in milder {
            let mut weaker = plan.clone();
            weaker.faults[at] = milder;
            simpler.push(weaker);
        }
    }
    let constants = match plan.schedule.latency {
        Latency::Spread { min_ms, max_ms } => vec![1, 10, 100, min_ms, max_ms],
        _ => vec![1],
    };
    let schedules = constants.into_iter().map(|ms| Schedule { latency: Latency::Equal { ms }, stall_per_mille: 0 });
    simpler.extend(schedules.filter(|one| *one != plan.schedule).map(|schedule| Plan { schedule, ..plan.clone() }));
    simpler
}

fn weaker(verdict: Verdict) -> &'static [Verdict] {
    match verdict {
        Verdict::CrashBefore(_) => &[Verdict::LoseRequest, Verdict::Unavailable],
        Verdict::CrashAfter(_) => &[Verdict::LoseReply],
        Verdict::LoseRequest => &[Verdict::Unavailable],
        _ => &[],
    }
}
