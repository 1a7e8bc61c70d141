//! What holds on the one store holds on the other, and what is found on the one is found on the other.

use std::{
    collections::BTreeMap,
    num::NonZero,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use seaworthy_scenarios::{order_fulfillment::OrderFulfillment, specimens};
use seaworthy_sim::{
    check::Settings,
    explore::{Seeds, SweepOptions, sweep},
    plan::Profile,
    scenario::Scenario,
    world::RunOptions,
};

use crate::{
    BASE_SEED, execute, plan, sqlite,
    tally::{Counts, Tally},
};

/// Of every profile; `SEAWORTHY_SEEDS` does not lower it.
const GOOD_SEEDS: u64 = 2_000;

/// Of every profile for each broken twin. All 2,000 take some minutes: `SEAWORTHY_SEEDS=2000`.
const TWIN_SEEDS: u64 = 200;

#[test]
fn order_fulfillment_holds_on_both_stores_over_2_000_seeds_of_every_profile() {
    for run in [RunOptions::default(), sqlite()] {
        let store = if run.store.is_some() { "SQLite" } else { "the simulated store" };
        let mut options = SweepOptions::new(Seeds::Count { base: BASE_SEED, count: GOOD_SEEDS * 10 });
        options.profiles = Profile::ALL.to_vec();
        options.run = run;
        let campaign = sweep(&OrderFulfillment::new(), &options, &|_| {}).expect("there are seeds");
        assert_eq!((campaign.runs, campaign.failed), (20_000, 0), "on {store}: {:#?}", campaign.failures);
        // All faults struck, all invariants had something to judge, and all that should happen somewhere did.
        let verdict = campaign.verdict();
        assert!(verdict.passes(true), "on {store}: {verdict}");
    }
}

/// Runs all seeds of all twins and profiles on both stores, on all cores.
fn compare(seeds: u64) -> Vec<Tally> {
    let twins = specimens::all();
    let pairs: Vec<_> = twins.iter().flat_map(|twin| Profile::ALL.map(|profile| (twin, profile))).collect();
    let next = AtomicUsize::new(0);
    let tallies = Mutex::new(Vec::new());
    let work = || {
        let (simulated, sqlite) = (RunOptions::default(), sqlite());
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some((twin, profile)) = pairs.get(at) else { break };
            let mut tally = Tally::new(twin.name(), *profile);
            for number in 0..seeds {
                let plan = plan(twin, number, *profile);
                tally.record(&execute(twin, &plan, &simulated), &execute(twin, &plan, &sqlite));
            }
            tallies.lock().expect("no run panics").push((at, tally));
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(work);
        }
    });
    let mut tallies = tallies.into_inner().expect("no run panics");
    tallies.sort_by_key(|(at, _)| *at);
    tallies.into_iter().map(|(_, tally)| tally).collect()
}

#[test]
fn each_broken_twin_gets_the_same_verdict_on_both_stores() {
    let asked = Settings::from_environment().expect("the environment makes sense").seeds;
    let seeds = asked.unwrap_or(TWIN_SEEDS).max(TWIN_SEEDS);
    let tallies = compare(seeds);
    println!(
        "{:<32} {:<10} {:>6} {:>6} {:>6}  violated, simulated/SQLite",
        "twin", "profile", "sim", "SQLite", "agree"
    );
    let mut twins: BTreeMap<&str, BTreeMap<&str, Counts>> = BTreeMap::new();
    let (mut runs, mut agreed, mut differences) = (0, 0, Vec::new());
    for tally in &tallies {
        println!("{tally}");
        (runs, agreed) = (runs + tally.seeds, agreed + tally.agreed());
        let all = twins.entry(&tally.scenario).or_default();
        for (name, counts) in tally.violated.iter().map(|(name, counts)| (name.as_str(), *counts)) {
            all.entry(name).or_default().add(counts);
            if counts.differ() {
                differences.push(format!("{} of {}: {name} {counts:?}", tally.scenario, tally.profile));
            }
        }
    }
    for (twin, invariants) in &twins {
        assert!(!invariants.is_empty(), "{twin} is found on neither store");
        for (name, counts) in invariants {
            println!("{twin:<32} {name:<20} {counts:?}, by chance {:.3}", counts.likelihood());
            if counts.differ() {
                differences.push(format!("{twin} of all profiles: {name} {counts:?}"));
            }
        }
    }
    println!("{agreed} of {runs} seeds get the same verdict on both stores");
    assert!(differences.is_empty(), "{differences:#?}");
    // Seeds whose two runs are different schedules; see above.
    assert!(agreed * 100 >= runs * 98, "only {agreed} of {runs} seeds get the same verdict");
}
