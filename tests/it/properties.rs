//! Properties over plans and workloads, drawn and shrunk by proptest.

use std::sync::Arc;

use proptest::{prelude::*, test_runner::Config};
use seaworthy_scenarios::order_fulfillment::OrderFulfillment;
use seaworthy_sim::{
    generate::strategy,
    plan::{Plan, Profile},
    scenario::Scenario,
    world::{RunOptions, run},
};

type Orders = <OrderFulfillment as Scenario>::Workload;

fn plans(profile: Profile) -> impl Strategy<Value = Plan<Orders>> {
    strategy(Arc::new(OrderFulfillment::new()), profile)
}

proptest! {
    #![proptest_config(Config { cases: 256, failure_persistence: None, ..Config::default() })]

    #[test]
    fn order_fulfillment_holds_under_any_plan(plan in plans(Profile::Everything)) {
        let report = run(&OrderFulfillment::new(), &plan, &RunOptions::default()).expect("a generated plan is valid");
        prop_assert!(report.held(), "{:?}\n{}", report.violations.first(), plan.print());
    }

    #[test]
    fn a_printed_plan_runs_as_the_plan_that_was_printed(plan in plans(Profile::Swarm)) {
        let read: Plan<Orders> = Plan::parse(&plan.print()).expect("what was printed can be read");
        prop_assert_eq!(&read, &plan);
        let scenario = OrderFulfillment::new();
        let one = run(&scenario, &plan, &RunOptions::default()).expect("valid");
        let other = run(&scenario, &read, &RunOptions::default()).expect("valid");
        prop_assert_eq!(one.fingerprint, other.fingerprint);
    }
}
