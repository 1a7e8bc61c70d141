//! Each mistake of a domain is found by the default profile, and by what it says that it violates; the right domain holds
//! under the very same plan.

use std::fs;

use seaworthy_core::ports::Operation;
use seaworthy_scenarios::{card_table::CardTable, specimens};
use seaworthy_sim::{
    check,
    explore::{ExhaustOptions, Seeds, Shard, Source, SweepOptions, Until, exhaust, sweep},
    generate::generate,
    plan::{Plan, Profile},
    scenario::Scenario,
    world::{RunOptions, run},
};

const SEEDS_MAX: u64 = 3_000;

#[test]
fn each_mistake_is_found_by_the_default_profile_and_the_right_domain_holds() {
    let twins = specimens::cards();
    assert!(twins.len() >= 6, "{}", twins.len());
    println!("| mistake | violates | seeds |\n|---|---|---:|");
    for twin in twins {
        let mut options = SweepOptions::new(Seeds::Base(0x5ea_0001), Until::runs(SEEDS_MAX).failures(1));
        options.search.jobs = 1;
        let campaign = sweep(&twin, &options, &|_| {}).expect("there are seeds");
        let failure = campaign.failures.first().unwrap_or_else(|| panic!("{} holds", twin.name()));
        let slug = twin.name().rsplit('/').next().unwrap_or_default();
        println!("| `{slug}` | {} | {} |", failure.violation.invariant, campaign.runs);
        let file = format!("{}/src/specimens/cards/{}.rs", env!("CARGO_MANIFEST_DIR"), slug.replace('-', "_"));
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(
            text.contains(&format!("`{}`", failure.violation.invariant)),
            "{file} names what it violates: {failure:?}"
        );
        let Source::Seed { seed, profile } = failure.source.clone() else { panic!("{:?}", failure.source) };
        let right = CardTable::new();
        let plan = Plan { scenario: right.name().into(), ..generate(&twin, seed, profile) };
        let report = run(&right, &plan, &RunOptions::default()).expect("the same topology");
        assert!(report.held(), "it fails under the plan of {}: {:?}", twin.name(), report.violations);
    }
}

#[test]
fn seed_29_the_card_table_comes_to_rest_in_each_profile_and_under_any_single_fault() {
    let right = || check(CardTable::new()).strict(false);
    let all = right().profiles(Profile::ALL).seeds(25 * Profile::ALL.len() as u64);
    if let Err(error) = all.verify() {
        panic!("{error}");
    }
    let campaign = right().exhaust(1).verify();
    let campaign = campaign.unwrap_or_else(|error| panic!("{error}"));
    println!("{}", campaign.line());
    assert!(campaign.runs > 500, "{}", campaign.line());
}

/// Seeds whose first round comes to different ends, and what some plan of each has to reach. All plans of one take a minute: the README has the
/// command.
const ROUNDS: [(u64, &[&str]); 3] = [
    (1, &["join-released", "payout-credited", "player-paid-twice-at-once"]),
    (4, &["payout-credited", "payout-kept", "idle-player-folded"]),
    (8, &["join-released", "payout-credited", "idle-player-folded"]),
];

#[test]
fn a_part_of_the_single_faults_is_borne_in_rounds_of_different_ends() {
    for (seed, goals) in ROUNDS {
        // A prime, so that each part has something of all processes and calls.
        let options = ExhaustOptions::new(1).seed(Some(seed)).shard(Shard::new(7, 23).expect("a shard"));
        let campaign = exhaust(&CardTable::new(), &options, &|_| {}).expect("there is a round");
        let exhausted = campaign.exhausted.expect("it is an exhaustive search");
        println!("seed {seed}: {} of {}, {:?}", campaign.runs - campaign.failed, exhausted.all(), campaign.goals);
        assert_eq!((campaign.failed, campaign.runs), (0, exhausted.plans), "seed {seed}: {:?}", campaign.failures);
        assert!(exhausted.all() > 10_000, "{exhausted}");
        for goal in goals {
            assert!(campaign.goals[*goal].runs > 0, "seed {seed} never comes to {goal}");
        }
        for operation in
            [Operation::AppendEvents, Operation::Stage, Operation::Publish, Operation::Ack, Operation::Commit]
        {
            let fired = campaign.points.get(&operation).map_or(0, |tally| tally.fired);
            assert!(fired > 0, "nothing strikes at {operation} under seed {seed}");
        }
    }
}
