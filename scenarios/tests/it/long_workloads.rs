//! Faults of long workloads: as many of them strike as in shorter ones.

use std::path::Path;

use seaworthy_core::ports::Operation;
use seaworthy_scenarios::order_fulfillment::{OrderFulfillment, orders_file::read_orders};
use seaworthy_sim::{
    generate::generate,
    plan::{Fault, Profile},
    world::{RunOptions, run},
};

/// Faults at calls for each thousand orders, and how many of them strike, over some seeds of `profile`.
fn struck(orders: usize, profile: Profile, seeds: u64) -> (usize, usize) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/orders.csv");
    let mut all = read_orders(&file).expect("the shipped orders are well formed");
    all.orders.truncate(orders);
    let scenario = OrderFulfillment::new().with_orders(all);
    let (mut planned, mut struck) = (0, 0);
    for seed in 0..seeds {
        let plan = generate(&scenario, seed, profile);
        let at_calls = |index: u32| matches!(plan.faults[index as usize], Fault::Call(_));
        let report = run(&scenario, &plan, &RunOptions::default()).expect("a drawn plan fits");
        planned += plan.faults.iter().filter(|fault| matches!(fault, Fault::Call(_))).count();
        struck += report.fired.iter().filter(|fired| at_calls(fired.index)).count();
        if std::env::var("SHOW").is_ok() {
            for (operation, calls) in Operation::ALL.iter().zip(report.calls) {
                println!("{} {:.2}", operation.name(), calls as f64 / orders as f64 / 4.0);
            }
        }
    }
    (planned, struck)
}

#[test]
fn as_many_faults_strike_in_a_long_workload_as_in_a_shorter_one() {
    for profile in [Profile::Swarm, Profile::Everything] {
        let (planned, short) = struck(900, profile, 6);
        let share = short as f64 / planned as f64;
        let (planned, long) = struck(1_100, profile, 6);
        let of_long = long as f64 / planned as f64;
        println!("{profile}: {share:.2} {of_long:.2}");
        assert!(
            of_long > share * 0.8,
            "{profile}: {share:.2} of those planned for 900 orders strike, of 1,100 {of_long:.2}"
        );
    }
}
