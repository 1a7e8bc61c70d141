//! Each mistake of a context is found by the default profile, and by what it says that it violates; the right variant holds
//! under the very same plan.

use std::fs;

use seaworthy_scenarios::{order_inventory::OrderInventory, specimens};
use seaworthy_sim::{
    explore::{ExhaustOptions, Seeds, SweepOptions, Until, exhaust, sweep},
    plan::Plan,
    scenario::Scenario,
    world::{RunOptions, run},
};

const SEEDS_MAX: u64 = 3_000;

#[test]
fn each_mistake_is_found_by_the_default_profile_and_the_right_variant_holds() {
    let twins = specimens::contexts();
    assert!(twins.len() >= 6, "{}", twins.len());
    println!("| mistake | violates | seeds |\n|---|---|---:|");
    for twin in twins {
        let mut options = SweepOptions::new(Seeds::Base(0x5ea_0001), Until::runs(SEEDS_MAX).failures(1));
        options.search.jobs = 1;
        let campaign = sweep(&twin, &options, &|_| {}).expect("there are seeds");
        let failure = campaign.failures.first().unwrap_or_else(|| panic!("{} holds", twin.name()));
        let slug = twin.name().rsplit('/').next().unwrap_or_default();
        println!("| `{slug}` | {} | {} |", failure.violation.invariant, campaign.runs);
        let file = format!("{}/src/specimens/contexts/{}.rs", env!("CARGO_MANIFEST_DIR"), slug.replace('-', "_"));
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(
            text.contains(&format!("`{}`", failure.violation.invariant)),
            "{file} names what it violates: {failure:?}"
        );

        let right = if twin.name().contains("/orchestrated/") {
            OrderInventory::orchestrated()
        } else {
            OrderInventory::choreographed()
        };
        let plan = campaign.failures[0].source.clone();
        let seaworthy_sim::explore::Source::Seed { seed, profile } = plan else { panic!("{plan:?}") };
        let plan = seaworthy_sim::generate::generate(&twin, seed, profile);
        let plan = Plan { scenario: right.name().into(), ..plan };
        let report = run(&right, &plan, &RunOptions::default()).expect("the same topology");
        assert!(report.held(), "{} fails under the plan of its twin: {:?}", right.name(), report.violations);
    }
}

/// Seeds whose first order is called off, and what has to be reached by some plan of each: late, at once where there is not enough for it, and
/// at once where there is.
const CALLED_OFF: [(u64, &[&str]); 3] = [
    (9, &["order-confirmed", "order-cancelled", "reservation-given-back"]),
    (10, &["order-cancelled", "order-failed"]),
    (15, &["order-cancelled", "order-confirmed", "reservation-given-back"]),
];

#[test]
fn every_single_fault_is_borne_where_an_order_is_called_off() {
    for scenario in [OrderInventory::choreographed(), OrderInventory::orchestrated()] {
        for (seed, goals) in CALLED_OFF {
            let options = ExhaustOptions::new(1).seed(Some(seed));
            let campaign = exhaust(&scenario, &options, &|_| {}).expect("there is an order");
            let (name, exhausted) = (scenario.name(), campaign.exhausted.expect("it is an exhaustive search"));
            println!(
                "{name} --seed {seed}: {} of {}, {:?}",
                campaign.runs - campaign.failed,
                exhausted.all(),
                campaign.goals
            );
            assert_eq!((campaign.failed, campaign.runs), (0, exhausted.all()), "{name}: {:?}", campaign.failures);
            assert!(campaign.verdict().proves(), "{name}: {}", campaign.verdict());
            for goal in goals {
                assert!(campaign.goals[*goal].runs > 0, "{name} under seed {seed} never comes to {goal}");
            }
        }
    }
}

#[test]
fn neither_variant_is_accused_in_any_profile_or_under_any_single_fault() {
    use seaworthy_sim::{check, plan::Profile};
    for scenario in [OrderInventory::choreographed(), OrderInventory::orchestrated()] {
        let all = check(scenario.clone()).profiles(Profile::ALL).seeds(60 * Profile::ALL.len() as u64);
        if let Err(error) = all.strict(false).verify() {
            panic!("{}: {error}", scenario.name());
        }
        let campaign = check(scenario.clone()).exhaust(1).strict(false).verify();
        let campaign = campaign.unwrap_or_else(|error| panic!("{}: {error}", scenario.name()));
        assert!(campaign.runs > 500, "{}", campaign.line());
    }
}
