//! The scenario itself, with everything right.

use seaworthy_scenarios::order_fulfillment::OrderFulfillment;
use seaworthy_sim::{
    plan::{FORMAT, Plan, Schedule},
    scenario::{Draw, Scenario},
    world::{RunOptions, run},
};

#[test]
fn undisturbed_orders_come_to_rest_and_every_invariant_holds() {
    let scenario = OrderFulfillment::new();
    for seed in 0..50 {
        let plan = Plan {
            format: FORMAT.into(),
            scenario: scenario.name().into(),
            seed,
            schedule: Schedule::default(),
            workload: scenario.workload(&mut Draw::stream(seed, 0)),
            faults: vec![],
        };
        let report = run(&scenario, &plan, &RunOptions::default()).expect("a plan without faults is valid");
        assert!(report.held(), "seed {seed}: {:?}", report.violations);
        assert_eq!(report.answered, plan.workload.orders.len() as u64, "seed {seed}: every order is answered");
    }
}
