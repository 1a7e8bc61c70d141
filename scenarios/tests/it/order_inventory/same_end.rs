//! The choreographed and the orchestrated variant come to the same end for each order: exactly where nothing fails, and within
//! what the order and the stock leave open where something does.

use std::collections::{BTreeMap, BTreeSet};

use seaworthy_order_inventory::orders::OrderStatus;
use seaworthy_scenarios::order_inventory::{OrderInventory, Wish, Wishes};
use seaworthy_sim::{
    generate::generate,
    plan::{Plan, Profile},
};
use smol_str::SmolStr;

use super::ends::{ends, traced};

type Result = (OrderStatus, Option<SmolStr>);

fn results(scenario: &OrderInventory, plan: &Plan<Wishes>) -> BTreeMap<SmolStr, Result> {
    let plan = Plan { scenario: seaworthy_sim::scenario::Scenario::name(scenario).into(), ..plan.clone() };
    let report = traced(scenario, &plan);
    assert!(report.held(), "seed {}: {:?}", plan.seed, report.violations);
    ends(&report).orders.into_iter().map(|(id, order)| (id, (order.status, order.reason))).collect()
}

/// Both variants under a workload and the faults that were drawn for each.
fn both(seed: u64, profile: Profile) -> (Wishes, [BTreeMap<SmolStr, Result>; 2]) {
    let (events, saga) = (OrderInventory::choreographed(), OrderInventory::orchestrated());
    let (plan, other) = (generate(&events, seed, profile), generate(&saga, seed, profile));
    assert_eq!(plan.workload, other.workload, "the same seed is the same workload");
    let both = [results(&events, &plan), results(&saga, &other)];
    (plan.workload, both)
}

fn wanted(wish: &Wish) -> BTreeMap<&SmolStr, u64> {
    let mut wanted = BTreeMap::new();
    for line in &wish.lines {
        *wanted.entry(&line.sku).or_default() += u64::from(line.units);
    }
    wanted
}

/// Ends that an order can come to, whichever of those before and beside it are delivered.
fn open(wish: &Wish, wishes: &Wishes) -> BTreeSet<OrderStatus> {
    let mut open = BTreeSet::new();
    let of_all = |sku: &SmolStr| -> u64 {
        wishes
            .orders
            .iter()
            .filter_map(|wish| wanted(wish).get(sku).copied())
            .filter(|units| *units <= wishes.stock[sku])
            .sum()
    };
    let never = wanted(wish).iter().any(|(sku, units)| *units > wishes.stock[*sku]);
    let always = wanted(wish).keys().all(|sku| of_all(sku) <= wishes.stock[*sku]);
    if !never {
        open.insert(OrderStatus::Confirmed);
    }
    if never || !always {
        open.insert(OrderStatus::Failed);
    }
    if wish.cancel_after_ms.is_some() {
        open.insert(OrderStatus::Cancelled);
    }
    open
}

#[test]
fn seed_54_where_nothing_fails_each_order_has_the_same_result_for_the_same_reason_in_both_variants() {
    let mut seen = BTreeMap::<(bool, OrderStatus), u32>::new();
    for seed in 0..400 {
        let (wishes, [events, saga]) = both(seed, Profile::Calm);
        assert_eq!(events, saga, "seed {seed}");
        assert_eq!(events.keys().collect::<BTreeSet<_>>(), wishes.orders.iter().map(|wish| &wish.id).collect());
        for wish in &wishes.orders {
            *seen.entry((wish.cancel_after_ms.is_some(), events[&wish.id].0)).or_default() += 1;
            // An order that is called off at once is called off, and one that is called off late has come to an end.
            assert_eq!(events[&wish.id].0 == OrderStatus::Cancelled, wish.cancel_after_ms == Some(0), "seed {seed}");
        }
    }
    println!("{seen:?}");
    let ends = [(false, OrderStatus::Confirmed), (false, OrderStatus::Failed), (true, OrderStatus::Cancelled)];
    for (end, least) in ends.into_iter().chain([(true, OrderStatus::Confirmed)]).zip([400, 50, 20, 20]) {
        assert!(seen[&end] >= least, "{end:?}: {seen:?}");
    }
}

#[test]
fn seed_54_whatever_fails_each_order_comes_to_an_end_that_is_open_to_it_in_both_variants() {
    let (mut one, mut several, mut called_off) = (0, 0, BTreeMap::<(bool, OrderStatus), u32>::new());
    for profile in Profile::ALL {
        for seed in 0..100 {
            let (wishes, results) = both(seed, profile);
            for (wish, results) in
                wishes.orders.iter().flat_map(|wish| results.iter().map(move |results| (wish, results)))
            {
                let Some((status, reason)) = results.get(&wish.id) else {
                    panic!("{} of seed {seed}, {profile:?} is lost", wish.id);
                };
                let open = open(wish, &wishes);
                assert!(open.contains(status), "{} of seed {seed}, {profile:?}: {status:?} of {open:?}", wish.id);
                assert_eq!(reason.is_some(), *status == OrderStatus::Failed, "{reason:?}");
                *(if open.len() == 1 { &mut one } else { &mut several }) += 1;
                if let Some(after_ms) = wish.cancel_after_ms {
                    *called_off.entry((after_ms == 0, *status)).or_default() += 1;
                }
            }
        }
    }
    assert!(one > 500 && several > 100, "{one} with one end, {several} with several");
    println!("called off at once or not, and what came of it: {called_off:?}");
    // Faults make a race of either: an answer overtakes who is in a hurry, and who comes late still waits for one.
    for race in [(true, OrderStatus::Confirmed), (false, OrderStatus::Cancelled)] {
        assert!(called_off.get(&race).is_some_and(|races| *races >= 5), "{race:?}: {called_off:?}");
    }
}
