//! The window that the outbox is for: a process dies when it has committed and not yet published.

use seaworthy_core::ports::Operation;
use seaworthy_order_fulfillment::documents::{OrderStatus, SHIPMENT_COLLECTION};
use seaworthy_scenarios::order_fulfillment::{OrderFulfillment, Orders, PlannedOrder};
use seaworthy_sim::{
    plan::{CallFault, FORMAT, Fault, Plan, Restart, Schedule, Verdict},
    trace::Effect,
    world::{RunOptions, run},
};

use super::story::Story;

/// Which replica works is drawn: so many seeds bring each into play at each of its calls.
const SEEDS: u64 = 40;

fn one_order() -> Orders {
    let order = PlannedOrder {
        at_ms: 0,
        id: "order-1".into(),
        sku: "cd-1".into(),
        quantity: 2,
        amount_cents: 2_198,
        customer: 7,
        cancel_after_ms: None,
    };
    Orders { stock: [("cd-1".into(), 5)].into(), orders: vec![order] }
}

/// Runs one order in which a process dies at a call; `false` if it makes fewer of them.
fn is_shipped(seed: u64, process: &str, point: Operation, nth: u32, verdict: fn(Restart) -> Verdict) -> bool {
    let restart = Restart { after_ms: 500, upgrade: false };
    let death = CallFault { process: process.into(), point: point.into(), nth, verdict: verdict(restart) };
    let (format, scenario, schedule) = (FORMAT.into(), "order_fulfillment".into(), Schedule::default());
    let plan = Plan { format, scenario, seed, schedule, workload: one_order(), faults: vec![Fault::Call(death)] };
    let report = run(&OrderFulfillment::new(), &plan, &RunOptions::default().keep_trace(true)).expect("a valid plan");
    let says = || format!("seed {seed}, {process} dies at its {nth}th {point:?}: {:#?}", report.violations);
    assert!(report.held(), "{}", says());
    let story = Story::new(&report, &plan.workload);
    let orders: Vec<_> = story.orders().into_iter().collect();
    assert_eq!(orders, [("order-1".into(), OrderStatus::Shipped)], "{}", says());
    let is_shipment =
        |effect: &&Effect| matches!(effect, Effect::Document { collection, .. } if collection == SHIPMENT_COLLECTION);
    let shipments = story.commits().flat_map(|(_, _, effects)| effects).filter(is_shipment).count();
    assert_eq!(shipments, 1, "{}", says());
    !report.fired.is_empty()
}

/// A call, and a death beside it.
type Window = (Operation, fn(Restart) -> Verdict);

#[test]
fn seed_35_whoever_dies_after_a_commit_and_before_the_publish_the_event_is_delivered_in_each_seed() {
    let windows: [Window; 2] = [(Operation::Commit, Verdict::CrashAfter), (Operation::Publish, Verdict::CrashBefore)];
    let mut deaths = 0;
    for seed in 0..SEEDS {
        for process in ["orders-1", "orders-2", "shipping-1", "shipping-2"] {
            for (point, verdict) in windows {
                for nth in 1.. {
                    if !is_shipped(seed, process, point, nth, verdict) {
                        break;
                    }
                    deaths += 1;
                }
            }
        }
    }
    // Nine commits and four publishes, at least, of one order, whichever replica makes them.
    assert!(deaths >= 13 * SEEDS, "{deaths} deaths in {SEEDS} seeds");
}
