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

use seaworthy_scenarios::{
    card_table::CardTable, catalog, event_store::EventStore, order_fulfillment::OrderFulfillment,
    order_inventory::OrderInventory,
};
use seaworthy_sim::{
    check::Settings,
    explore::{Seeds, SweepOptions, Until, sweep},
    plan::Profile,
    scenario::Scenario,
    world::RunOptions,
};

use crate::sqlite_simulation::{
    BASE_SEED, execute,
    one_writer::one_writer,
    plan, sqlite,
    tally::{Counts, Tally},
    traces::divergence,
};

/// Seeds of every profile for the scenario that is right.
const GOOD_SEEDS: u64 = 2_000;

/// Seeds of every profile for each scenario of the catalog, unless `SEAWORTHY_SEEDS` asks for more.
const EACH_SEEDS: u64 = 200;

/// On the simulated store `storm` does the same.
#[test]
fn order_fulfillment_holds_on_sqlite_over_2_000_seeds_of_every_profile() {
    let count = GOOD_SEEDS * Profile::ALL.len() as u64;
    let mut options = SweepOptions::new(Seeds::Base(BASE_SEED), Until::runs(count));
    options.profiles = Profile::ALL.to_vec();
    options.search.run = sqlite();
    let campaign = sweep(&OrderFulfillment::new(), &options, &|_| {}).expect("there are seeds");
    assert_eq!((campaign.runs, campaign.failed), (count, 0), "{:#?}", campaign.failures);
    // All faults struck, all invariants had something to judge, and all that should happen somewhere did.
    let verdict = campaign.verdict();
    assert!(verdict.passes(true), "{verdict}");
}

/// Sweeps a scenario over seeds of every profile.
fn holds<S: Scenario>(scenario: &S, seeds: u64) {
    let count = seeds * Profile::ALL.len() as u64;
    let mut options = SweepOptions::new(Seeds::Base(BASE_SEED), Until::runs(count));
    options.profiles = Profile::ALL.to_vec();
    options.search.run = sqlite();
    let campaign = sweep(scenario, &options, &|_| {}).expect("there are seeds");
    assert_eq!((campaign.runs, campaign.failed), (count, 0), "{}: {:#?}", scenario.name(), campaign.failures);
}

#[test]
fn seed_14_choreographies_and_streams_of_events_hold_on_sqlite_under_every_profile() {
    holds(&CardTable::new(), 20);
    holds(&EventStore::new(), 20);
    holds(&OrderInventory::choreographed(), 20);
    holds(&OrderInventory::orchestrated(), 20);
}

#[test]
fn seed_14_every_scenario_gets_the_same_verdicts_on_both_stores() {
    let asked = Settings::from_environment().expect("the environment makes sense").seeds;
    let (tallies, divergences) = compare(asked.unwrap_or(EACH_SEEDS).max(EACH_SEEDS));
    // Behind a queue for one writer, there is no difference at all.
    assert!(divergences.is_empty(), "{} runs differ, the first one: {}", divergences.len(), divergences[0]);

    println!("scenario                          profile     simulated   SQLite    agree  violated, simulated/SQLite");
    let mut scenarios: BTreeMap<&str, BTreeMap<&str, Counts>> = BTreeMap::new();
    let (mut runs, mut agreed) = (0, 0);
    for tally in &tallies {
        println!("{tally}");
        // Without the queue, a seed's two runs are different schedules.
        assert!(tally.agreed * 100 >= tally.seeds * 85, "{tally}");
        (runs, agreed) = (runs + tally.seeds, agreed + tally.agreed);
        let invariants = scenarios.entry(&tally.scenario).or_default();
        for (name, counts) in &tally.violated {
            invariants.entry(name).or_default().add(*counts);
        }
    }
    println!("{agreed} of {runs} seeds get the same verdict on both stores");
    assert!(agreed * 100 >= runs * 98, "only {agreed} of {runs} seeds get the same verdict");
    for (scenario, invariants) in scenarios {
        let found = |on: fn(&Counts) -> u64| invariants.values().map(on).sum::<u64>() > 0;
        let broken = scenario != OrderFulfillment::new().name();
        assert_eq!(found(|counts| counts.simulated), broken, "{scenario} on the simulated store: {invariants:?}");
        assert_eq!(found(|counts| counts.sqlite), broken, "{scenario} on SQLite: {invariants:?}");
        for (name, counts) in invariants {
            assert!(!counts.is_of_one_store_only(), "{scenario} violates {name} on one store only: {counts:?}");
        }
    }
}

/// Runs seeds of all scenarios and profiles on both stores, on all cores; returns what each said, and where SQLite's
/// trace is not that of a simulated store with one writer.
fn compare(seeds: u64) -> (Vec<Tally>, Vec<String>) {
    let scenarios = catalog::all();
    let pairs: Vec<_> = scenarios.iter().flat_map(|it| Profile::ALL.map(|profile| (it, profile))).collect();
    let next = AtomicUsize::new(0);
    let done = Mutex::new((BTreeMap::new(), Vec::new()));
    let work = || {
        let (plain, queued, sqlite) = (RunOptions::default(), one_writer(), sqlite());
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some((scenario, profile)) = pairs.get(at) else { break };
            let mut tally = Tally::new(scenario.name(), *profile);
            let mut divergences = Vec::new();
            for number in 0..seeds {
                let plan = plan(scenario, number, *profile);
                let real = execute(scenario, &plan, &sqlite);
                tally.record(&execute(scenario, &plan, &plain), &real);
                if execute(scenario, &plan, &queued).fingerprint != real.fingerprint {
                    divergences.extend(divergence(scenario, &plan, &queued, &sqlite));
                }
            }
            let mut done = done.lock().expect("no run panics");
            done.0.insert(at, tally);
            done.1.extend(divergences);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(work);
        }
    });
    let (tallies, divergences) = done.into_inner().expect("no run panics");
    (tallies.into_values().collect(), divergences)
}
