//! Each broken twin is found by the default profile and shrunk to a plan that fits on a page; the good scenario passes
//! on the very same seeds.

use seaworthy_scenarios::{catalog, order_fulfillment::OrderFulfillment, specimens};
use seaworthy_sim::{
    explore::{Seeds, ShrinkOptions, Source, SweepOptions, Until, read_plan, shrink, sweep},
    generate::generate,
    plan::Profile,
    scenario::{Scenario, Workload},
    world::{RunOptions, run},
};

use crate::specimens::{texts, under};

/// The seeds are fixed, so that the table below can be compared from one change to the next.
const BASE_SEED: u64 = 0x5ea_0001;
/// Enough for the rarest twin, which is found in one of about 1,000 seeds: the chance to miss it is below 1 in 10,000.
const SEEDS_MAX: u64 = 10_000;

fn until_first_failure() -> SweepOptions {
    let mut options = SweepOptions::new(Seeds::Base(BASE_SEED), Until::runs(SEEDS_MAX));
    options.search.until.failures = Some(1);
    // One at a time: seeds to detection then do not depend on the machine.
    options.search.jobs = 1;
    options
}

#[test]
fn each_broken_twin_is_found_by_the_default_profile_and_shrunk_to_a_few_faults_and_orders() {
    let (twins, texts, told) = (specimens::twins(), texts(), told_by_the_readme());
    assert!(twins.len() >= 8, "{} twins", twins.len());
    println!("{:<34} {:>6} {:>8}  {:>7}  {:>6}  violates", "twin", "seeds", "cpu", "faults", "orders");
    for twin in twins {
        let name = twin.name().to_owned();
        let campaign = sweep(&twin, &until_first_failure(), &|_| {}).expect("the sweep has seeds");
        let failure = campaign.failures.first().unwrap_or_else(|| panic!("{name} held for {SEEDS_MAX} seeds"));
        let Source::Seed { seed, profile } = failure.source else { panic!("{name} failed under no seed") };
        assert_eq!(profile, Profile::Swarm, "the default profile");

        let plan = generate(&twin, seed, profile);
        let control = plan_for_control(&plan);
        let report = run(&OrderFulfillment::new(), &control, &RunOptions::default()).expect("the same topology");
        assert!(report.held(), "{name}: the good scenario fails under the same plan: {:?}", report.violations);

        let shrunk = shrink(&twin, &plan, &failure.violation, &ShrinkOptions::default(), &|_| {});
        let shrunk = shrunk.unwrap_or_else(|error| panic!("{name}: {error}"));
        let (faults, orders) = (shrunk.plan.faults.len(), shrunk.plan.workload.len());
        println!(
            "{:<34} {:>6} {:>5} ms  {faults:>7}  {orders:>6}  {}",
            name.trim_start_matches("order_fulfillment/"),
            campaign.runs,
            campaign.timing.first_failure_cpu_us.unwrap_or(0) / 1_000,
            shrunk.violation.invariant,
        );
        let slug = name.trim_start_matches("order_fulfillment/");
        let row =
            [slug.to_owned(), campaign.runs.to_string(), size(faults, orders), shrunk.violation.invariant.to_string()];
        assert!(told.contains(&row), "the table of the README does not say {row:?}: {told:#?}");
        let suffix = format!("/{slug}");
        let (_, text) = texts.iter().find(|(specimen, _)| specimen.ends_with(&suffix)).expect("a specimen");
        let said = under(text, "Violates").expect("it says so");
        let violated = &shrunk.violation.invariant;
        assert!(said.contains(&format!("`{violated}`")), "{name} violates {violated}; its file says: {said}");
        assert!(faults <= 3, "{name} needs {faults} faults");
        assert!(orders <= 2, "{name} needs {orders} orders");
        let control = run(&OrderFulfillment::new(), &plan_for_control(&shrunk.plan), &RunOptions::default());
        assert!(control.expect("the same topology").held(), "{name}: the good scenario fails under the shrunk plan");
    }
}

/// The rows of the README's table of twins, without the time that they took: twin, seeds, what is left of the plan,
/// invariant.
fn told_by_the_readme() -> Vec<[String; 4]> {
    let readme = include_str!("../../../README.md");
    let command =
        format!("`seaworthy run order_fulfillment/TWIN --seeds {SEEDS_MAX} --base-seed {BASE_SEED:#x} --jobs 1`");
    let (_, table) = readme.split_once(&command).expect("the README says how its table is made");
    let lines = table.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let told = lines.skip(2).map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let [twin, seeds, _, shrunk, violates] = cells[..] else { panic!("five columns: {line}") };
        [twin, seeds, shrunk, violates].map(str::to_owned)
    });
    let told: Vec<_> = told.collect();
    assert_eq!(told.len(), specimens::twins().len(), "a row each: {told:?}");
    told
}

/// What is left of a plan, as the README says it.
fn size(faults: usize, orders: usize) -> String {
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    format!("{faults} fault{}, {orders} order{}", plural(faults), plural(orders))
}

/// The same plan for the scenario with everything right.
fn plan_for_control<W: Clone>(plan: &seaworthy_sim::plan::Plan<W>) -> seaworthy_sim::plan::Plan<W> {
    seaworthy_sim::plan::Plan { scenario: OrderFulfillment::new().name().into(), ..plan.clone() }
}

#[test]
fn the_good_scenario_passes_on_the_seeds_that_find_the_twins() {
    let mut options = SweepOptions::new(Seeds::Base(BASE_SEED), Until::runs(SEEDS_MAX));
    options.search.until.failures = Some(1);
    let campaign = sweep(&OrderFulfillment::new(), &options, &|_| {}).expect("the sweep has seeds");
    assert_eq!(campaign.failed, 0, "{:?}", campaign.failures);
    assert_eq!(campaign.runs, SEEDS_MAX);
}

/// A plan of the corpus is worth its place only while it still breaks what it was found on; that it strikes the good
/// scenario, too, is what the good scenario's check asks for.
#[test]
fn each_plan_of_the_corpus_breaks_its_twin() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/order_fulfillment");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(corpus).expect("the corpus is there") {
        let path = entry.expect("readable").path();
        let name = format!("order_fulfillment/{}", path.file_stem().expect("a name").to_string_lossy());
        let twin = catalog::find(&name).expect("a plan is called like its twin");
        let plan = read_plan(&path).expect("a plan");
        let plan = seaworthy_sim::plan::Plan { scenario: twin.name().into(), ..plan };
        let report = run(&twin, &plan, &RunOptions::default()).expect("the same topology");
        assert!(!report.held(), "{name} passes its plan");
        names.push(name);
    }
    assert_eq!(names.len(), 10);
}
