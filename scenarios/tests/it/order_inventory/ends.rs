//! Each order comes to an end, and no unit is lost on the way: judged by what the stores hold in the end, and by nothing that
//! ships.

use std::collections::{BTreeMap, BTreeSet};

use seaworthy_order_inventory::{
    inventory::{STOCK_COLLECTION, StockLevel},
    orders::{ORDER_COLLECTION, Order, OrderStatus},
};
use seaworthy_scenarios::order_inventory::{OrderInventory, Wishes};
use seaworthy_sim::{
    generate::generate,
    plan::{Plan, Profile},
    trace::{Effect, What},
    world::{RunOptions, RunReport, run},
};
use smol_str::SmolStr;

/// The last document of each id of a collection, in a kept trace, with all statuses that came before it.
pub(super) struct Ends {
    pub(super) orders: BTreeMap<SmolStr, Order>,
    pub(super) stock: BTreeMap<SmolStr, StockLevel>,
    ways: BTreeMap<SmolStr, Vec<OrderStatus>>,
}

pub(super) fn ends(report: &RunReport) -> Ends {
    let mut ends = Ends { orders: BTreeMap::new(), stock: BTreeMap::new(), ways: BTreeMap::new() };
    for event in report.trace.iter().flatten() {
        let What::Commit { effects, .. } = &event.what else { continue };
        for effect in effects.iter() {
            let Effect::Document { collection, id, body: Some(body), .. } = effect else { continue };
            if collection == ORDER_COLLECTION {
                let order: Order = serde_json::from_slice(body).expect("an order");
                ends.ways.entry(id.clone()).or_default().push(order.status);
                ends.orders.insert(id.clone(), order);
            } else if collection == STOCK_COLLECTION {
                ends.stock.insert(id.clone(), serde_json::from_slice(body).expect("a level"));
            }
        }
    }
    ends
}

/// Returns `true` if this is the write that confirms the order.
pub(super) fn is_confirmed(effect: &Effect, order: &str) -> bool {
    let Effect::Document { collection, id, body: Some(body), .. } = effect else { return false };
    let status = || serde_json::from_slice::<Order>(body).expect("an order").status;
    collection == ORDER_COLLECTION && id == order && status() == OrderStatus::Confirmed
}

pub(super) fn traced(scenario: &OrderInventory, plan: &Plan<Wishes>) -> RunReport {
    run(scenario, plan, &RunOptions::default().keep_trace(true)).expect("a drawn plan is valid")
}

/// Both variants under the first seeds of each profile.
fn each_run(mut see: impl FnMut(&OrderInventory, &Plan<Wishes>, &RunReport)) {
    for scenario in [OrderInventory::choreographed(), OrderInventory::orchestrated()] {
        for profile in Profile::ALL {
            for seed in 0..40 {
                let plan = generate(&scenario, seed, profile);
                see(&scenario, &plan, &traced(&scenario, &plan));
            }
        }
    }
}

#[test]
fn seed_53_every_order_comes_to_an_end_that_it_stays_at_and_no_unit_is_lost() {
    let mut seen = BTreeMap::<OrderStatus, u32>::new();
    each_run(|_, plan, report| {
        let about = format!("seed {}: {:?}", plan.seed, plan.faults);
        assert!(report.held(), "{about}: {:?}", report.violations);
        let ends = ends(report);
        for wish in &plan.workload.orders {
            assert!(ends.orders.contains_key(&wish.id), "{about}: {} is lost", wish.id);
        }
        let mut sold = BTreeMap::<SmolStr, i64>::new();
        for (id, order) in &ends.orders {
            assert_ne!(order.status, OrderStatus::Pending, "{about}: {id}");
            *seen.entry(order.status).or_default() += 1;
            if order.status == OrderStatus::Confirmed {
                order.lines.iter().for_each(|line| *sold.entry(line.sku.clone()).or_default() += i64::from(line.units));
            }
        }
        for (sku, first) in &plan.workload.stock {
            // An article that nobody takes is written once, before the first order.
            let Some(level) = ends.stock.get(sku) else { continue };
            let sold = sold.remove(sku).unwrap_or(0);
            let expected = StockLevel { available: i64::try_from(*first).expect("few") - sold, reserved: 0, sold };
            assert_eq!(*level, expected, "{about}: {sku}");
        }
        assert!(sold.is_empty(), "{about}: {sold:?} never left the stock");
    });
    let all = BTreeSet::from([OrderStatus::Confirmed, OrderStatus::Cancelled, OrderStatus::Failed]);
    assert_eq!(seen.keys().copied().collect::<BTreeSet<_>>(), all, "{seen:?}");
}

#[test]
fn seed_56_an_order_takes_the_ways_of_its_life_cycle_whatever_strikes() {
    let mut ways = BTreeSet::new();
    each_run(|scenario, plan, report| {
        for (id, way) in ends(report).ways {
            let mut way = way;
            way.dedup();
            let is_legal = way.first() == Some(&OrderStatus::Pending) && way.len() <= 2;
            assert!(is_legal, "{} of {scenario:?} under seed {}: {way:?}", id, plan.seed);
            ways.insert(way);
        }
    });
    assert_eq!(ways.len(), 3, "each of the three ends was reached: {ways:?}");
}
