//! A plan is the whole identity of a run: alone, in a campaign and in another thread it leaves the same trace.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use seaworthy_scenarios::{
    card_table::CardTable, event_store::EventStore, order_fulfillment::OrderFulfillment,
    order_inventory::OrderInventory,
};
use seaworthy_sim::{
    explore::determinism,
    generate::generate,
    plan::{Plan, Profile, derive_seed},
    scenario::Scenario,
    world::{RunOptions, run},
};

type Orders = <OrderFulfillment as Scenario>::Workload;

const PROFILES: [Profile; 10] = [
    Profile::Calm,
    Profile::Crash,
    Profile::Duplicate,
    Profile::Outage,
    Profile::Rejection,
    Profile::LostReply,
    Profile::Latency,
    Profile::Clock,
    Profile::Everything,
    Profile::Swarm,
];

/// 1,000 plans, 100 of each profile.
fn plans() -> Vec<Plan<Orders>> {
    let scenario = OrderFulfillment::new();
    let plan = |index: u64| {
        let profile = PROFILES[(index % 10) as usize];
        generate(&scenario, derive_seed(0x5ea, index), profile)
    };
    (0..1_000).map(plan).collect()
}

fn fingerprint(plan: &Plan<Orders>) -> u64 {
    run(&OrderFulfillment::new(), plan, &RunOptions::default()).expect("a generated plan is valid").fingerprint
}

#[test]
fn a_thousand_plans_leave_the_same_trace_alone_in_a_campaign_and_in_another_thread() {
    let plans = plans();
    // In a campaign: two workers take whatever is next, so that each thread has run many other plans before.
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        while let Some(plan) = plans.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push((plan.seed, fingerprint(plan)));
        }
        done
    };
    let mut campaign: Vec<(u64, u64)> = thread::scope(|scope| {
        let workers = [scope.spawn(worker), scope.spawn(worker)];
        workers.into_iter().flat_map(|worker| worker.join().expect("no run panics")).collect()
    });
    campaign.sort_unstable();
    // Alone: each on a thread of its own that has run nothing else.
    let mut alone: Vec<(u64, u64)> = plans
        .iter()
        .map(|plan| {
            let print = thread::scope(|scope| scope.spawn(|| fingerprint(plan)).join().expect("no run panics"));
            (plan.seed, print)
        })
        .collect();
    alone.sort_unstable();
    assert_eq!(campaign, alone);
    // In another thread, one after the other: this one.
    let mut here: Vec<(u64, u64)> = plans.iter().map(|plan| (plan.seed, fingerprint(plan))).collect();
    here.sort_unstable();
    assert_eq!(here, alone);
    let mut prints: Vec<u64> = alone.iter().map(|(_, print)| *print).collect();
    prints.sort_unstable();
    prints.dedup();
    assert_eq!(prints.len(), 1_000, "different plans leave different traces");
}

#[test]
fn whole_traces_are_compared_event_by_event() {
    let scenario = OrderFulfillment::new();
    for plan in plans().iter().step_by(25) {
        if let Some(divergence) = determinism(&scenario, plan, &RunOptions::default()).expect("a valid plan") {
            panic!("seed {}: {divergence:?}", plan.seed);
        }
    }
}

#[test]
fn fingerprints_are_the_same_on_every_machine_and_in_every_build() {
    // One plan of each profile. Written down once: a difference means that an old seed does not mean today what it meant then.
    let prints: Vec<String> =
        plans().iter().step_by(101).map(|plan| format!("{:#018x} {:#018x}", plan.seed, fingerprint(plan))).collect();
    insta::assert_snapshot!(prints.join("\n"));
}

/// One run of each of these profiles, each of a seed of its own: drawn from the same seed, plans of which no fault strikes are the same.
fn prints<S: Scenario>(scenario: &S, profiles: &[Profile]) -> String {
    let prints = profiles.iter().zip(66..).map(|(profile, index)| {
        let plan = generate(scenario, derive_seed(0x5ea, index), *profile);
        let report = run(scenario, &plan, &RunOptions::default()).expect("a generated plan is valid");
        format!("{profile:?} {:#018x}", report.fingerprint)
    });
    prints.collect::<Vec<_>>().join("\n")
}

/// The same for a scenario whose state is streams of events.
#[test]
fn event_store_fingerprints_are_the_same_on_every_machine_and_in_every_build() {
    insta::assert_snapshot!(prints(&EventStore::new(), &PROFILES));
}

/// The same for a scenario of domains that answer each other.
#[test]
fn card_table_fingerprints_are_the_same_on_every_machine_and_in_every_build() {
    insta::assert_snapshot!(prints(&CardTable::new(), &PROFILES));
}

/// The same for two contexts in both their variants.
#[test]
fn order_inventory_fingerprints_are_the_same_on_every_machine_and_in_every_build() {
    let variants = [OrderInventory::choreographed(), OrderInventory::orchestrated()];
    insta::assert_snapshot!(variants.map(|variant| prints(&variant, &PROFILES)).join("\n\n"));
}
