//! Each mistake about the log is found by the default profile, and by what it says that it violates; the right bank holds
//! under the very same plan.

use std::fs;

use seaworthy_scenarios::{event_store::EventStore, specimens};
use seaworthy_sim::{
    explore::{Seeds, Source, SweepOptions, Until, sweep},
    generate::generate,
    plan::Plan,
    scenario::Scenario,
    world::{RunOptions, run},
};

const SEEDS_MAX: u64 = 3_000;

#[test]
fn each_mistake_about_the_log_is_found_by_the_default_profile_and_the_right_bank_holds() {
    let twins = specimens::streams();
    assert!(twins.len() >= 6, "{}", twins.len());
    println!("| mistake | violates | seeds |\n|---|---|---:|");
    let mut missed = Vec::new();
    for twin in twins {
        let mut options = SweepOptions::new(Seeds::Base(0x5ea_0001), Until::runs(SEEDS_MAX).failures(1));
        options.search.jobs = 1;
        let campaign = sweep(&twin, &options, &|_| {}).expect("there are seeds");
        let Some(failure) = campaign.failures.first() else {
            missed.push(twin.name().to_owned());
            continue;
        };
        let slug = twin.name().rsplit('/').next().unwrap_or_default();
        println!("| `{slug}` | {} | {} |", failure.violation.invariant, campaign.runs);
        let file = format!("{}/src/specimens/streams/{}.rs", env!("CARGO_MANIFEST_DIR"), slug.replace('-', "_"));
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
        if !text.contains(&format!("`{}`", failure.violation.invariant)) {
            missed.push(format!("{file} does not name what it violates: {:?}", failure.violation));
        }
        let Source::Seed { seed, profile } = failure.source.clone() else { panic!("{:?}", failure.source) };
        let right = EventStore::new();
        let plan = Plan { scenario: right.name().into(), ..generate(&twin, seed, profile) };
        let report = run(&right, &plan, &RunOptions::default()).expect("the same topology");
        assert!(report.held(), "the right bank fails under the plan of {slug}: {:?}", report.violations);
    }
    assert!(missed.is_empty(), "{missed:#?}");
}
