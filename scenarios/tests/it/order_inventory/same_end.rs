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

/// Orders that have to do with none that is called off: neither they nor any order that they share an article with, and so on.
fn apart(wishes: &Wishes) -> BTreeSet<&SmolStr> {
    let mut touched = BTreeSet::<&SmolStr>::new();
    let mut apart: Vec<&Wish> = wishes.orders.iter().collect();
    loop {
        let (with, without): (Vec<&Wish>, Vec<&Wish>) = apart.iter().partition(|wish| {
            wish.cancel_after_ms.is_some() || wish.lines.iter().any(|line| touched.contains(&line.sku))
        });
        if with.is_empty() {
            return without.into_iter().map(|wish| &wish.id).collect();
        }
        touched.extend(with.iter().flat_map(|wish| wish.lines.iter().map(|line| &line.sku)));
        apart = without;
    }
}

#[test]
fn seed_54_where_nothing_fails_each_order_has_the_same_result_for_the_same_reason_in_both_variants() {
    let (mut compared, mut failed, mut beside, mut certain) = (0, 0, 0, 0);
    for seed in 0..400 {
        let (wishes, [events, saga]) = both(seed, Profile::Calm);
        // Whether an order is called off in time depends on how long its messages take, and what is left for others on that: of them
        // those are compared that want nothing of it, and those of which there is one end anyway.
        let (apart, are_called_off) = (apart(&wishes), wishes.orders.iter().any(|wish| wish.cancel_after_ms.is_some()));
        for wish in wishes.orders.iter().filter(|wish| wish.cancel_after_ms.is_none()) {
            let about = format!("{} of seed {seed}", wish.id);
            let [Some(by_events), Some(by_saga)] = [&events, &saga].map(|results| results.get(&wish.id)) else {
                panic!("{about} is lost: {events:?} and {saga:?}");
            };
            if apart.contains(&wish.id) {
                assert_eq!(by_events, by_saga, "{about}");
                compared += 1;
                beside += u32::from(are_called_off);
                failed += u32::from(by_events.0 == OrderStatus::Failed);
            } else if open(wish, &wishes).len() == 1 {
                assert_eq!(by_events.0, by_saga.0, "{about}");
                certain += 1;
            }
        }
    }
    println!(
        "{compared} orders, {failed} of them failed, {beside} beside one that is called off; {certain} with one end"
    );
    assert!(compared > 500 && failed > 50, "{compared} orders, of which {failed} failed");
    assert!(beside > 10 && certain > 100, "{beside} beside one that is called off, {certain} with one end");
}

#[test]
fn seed_54_whatever_fails_each_order_comes_to_an_end_that_is_open_to_it_in_both_variants() {
    let (mut one, mut several) = (0, 0);
    for profile in Profile::ALL {
        for seed in 0..40 {
            let (wishes, results) = both(seed, profile);
            for (wish, results) in
                wishes.orders.iter().flat_map(|wish| results.iter().map(move |results| (wish, results)))
            {
                // An order that was called off before it was begun is not there.
                let Some((status, reason)) = results.get(&wish.id) else {
                    assert!(wish.cancel_after_ms.is_some(), "{} of seed {seed}, {profile:?} is lost", wish.id);
                    continue;
                };
                let open = open(wish, &wishes);
                assert!(open.contains(status), "{} of seed {seed}, {profile:?}: {status:?} of {open:?}", wish.id);
                assert_eq!(reason.is_some(), *status == OrderStatus::Failed, "{reason:?}");
                *(if open.len() == 1 { &mut one } else { &mut several }) += 1;
            }
        }
    }
    assert!(one > 500 && several > 100, "{one} with one end, {several} with several");
}
