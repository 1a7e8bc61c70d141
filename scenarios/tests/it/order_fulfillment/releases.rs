//! The shop while its next release is rolled out: an upgrade strikes, and has an effect.

use seaworthy_core::{ports::Operation, saga::Record};
use seaworthy_scenarios::order_fulfillment::{OrderFulfillment, Orders};
use seaworthy_sim::{
    check,
    explore::{ExhaustOptions, exhaust},
    generate::generate,
    plan::{CallFault, Fault, Plan, Profile, Restart, Verdict},
    scenario::Scenario,
    trace::{Effect, What},
    world::{RunOptions, RunReport, run},
};

/// All profiles take turns.
#[test]
fn orders_survive_2_000_storms_in_which_the_next_release_is_rolled_out() {
    check(OrderFulfillment::in_two_releases()).seeds(2_000).profiles(Profile::ALL).assert_seaworthy();
}

/// A calm plan of some orders in which both replicas of `orders` die at their first commits, and come back.
fn both_restart(upgrade: bool) -> Plan<Orders> {
    let scenario = OrderFulfillment::in_two_releases();
    let plans = (0..).map(|seed| generate(&scenario, seed, Profile::Calm));
    let plan = plans.into_iter().find(|plan| plan.workload.orders.len() == 4).expect("one seed in some");
    let restart = Restart { after_ms: 0, upgrade };
    let fault = |process: &str, nth| {
        let (process, point) = (process.into(), Operation::Commit.into());
        Fault::Call(CallFault { process, point, nth, verdict: Verdict::CrashAfter(restart) })
    };
    Plan { faults: vec![fault("orders-1", 1), fault("orders-2", 1)], ..plan }
}

fn ran<S: Scenario<Workload = Orders>>(scenario: &S, plan: &Plan<Orders>) -> RunReport {
    let plan = Plan { scenario: scenario.name().into(), ..plan.clone() };
    let report = run(scenario, &plan, &RunOptions::default().keep_trace(true)).expect("the same topology");
    assert!(report.held(), "{:?}", report.violations);
    report
}

/// The versions of the checkouts in the order in which they were begun, and their steps in the order in which they were done.
fn checkouts(report: &RunReport) -> Vec<(u32, Vec<String>)> {
    let mut sagas = Vec::new();
    let mut checkouts = Vec::new();
    for event in report.trace.as_deref().expect("it was kept") {
        let What::Commit { outcome, effects, .. } = &event.what else { continue };
        for effect in effects.iter().filter(|_| outcome.took_effect()) {
            match effect {
                Effect::SagaCreated { saga, definition, .. } => {
                    sagas.push(*saga);
                    checkouts.push((definition.version, Vec::new()));
                }
                Effect::SagaLogged { saga, records, .. } => {
                    let at = sagas.iter().position(|known| known == saga).expect("it was begun");
                    let records = records.iter().map(|record| Record::decode(record).expect("a record"));
                    checkouts[at].1.extend(records.filter_map(|record| match record {
                        Record::Done { step, .. } => Some(step.to_string()),
                        _ => None,
                    }));
                }
                _ => {}
            }
        }
    }
    checkouts
}

#[test]
fn a_process_that_comes_back_as_the_next_release_checks_out_by_it_and_ends_what_the_last_one_began() {
    let report = ran(&OrderFulfillment::in_two_releases(), &both_restart(true));
    let (upgraded, same) =
        (checkouts(&report), checkouts(&ran(&OrderFulfillment::in_two_releases(), &both_restart(false))));
    assert!(same.iter().all(|(version, _)| *version == 1), "nobody was upgraded: {same:?}");
    let versions: Vec<u32> = upgraded.iter().map(|(version, _)| *version).collect();
    assert!(versions.contains(&1) && versions.contains(&2), "{upgraded:?}");
    for (version, steps) in &upgraded {
        let at = |name: &str| steps.iter().position(|step| step == name);
        if let (Some(charged), Some(reserved)) = (at("charge_card"), at("reserve_stock")) {
            assert_eq!(charged < reserved, *version == 2, "version {version}: {steps:?}");
        }
    }
    // Those that were begun before the deployment went on after it, by their own version.
    assert!(upgraded.iter().any(|(version, steps)| *version == 1 && steps.len() == 5), "{upgraded:?}");
}

#[test]
fn a_shop_in_one_release_is_the_same_whatever_it_comes_back_as() {
    let shop = OrderFulfillment::new();
    let checkouts = checkouts(&ran(&shop, &both_restart(true)));
    assert!(checkouts.iter().all(|(version, _)| *version == 1), "{checkouts:?}");
}

#[test]
fn an_exhaustive_search_tries_upgrades_where_there_is_a_next_release() {
    let plans = |scenario: OrderFulfillment| {
        let campaign = exhaust(&scenario, &ExhaustOptions::new(1).seed(Some(3)), &|_| {}).expect("it has plans");
        assert_eq!(campaign.failed, 0, "{:?}", campaign.failures);
        campaign.exhausted.expect("it was exhausted").plans
    };
    let (one, two) = (plans(OrderFulfillment::new()), plans(OrderFulfillment::in_two_releases()));
    assert!(two > one, "{two} plans, and {one} where there is no next release");
}
