//! The scenario itself, with everything right.

mod orders_file;
mod payments;
mod releases;
mod workload;

use seaworthy_scenarios::order_fulfillment::OrderFulfillment;
use seaworthy_sim::{check, plan::Profile};

/// All profiles take turns, so each has 2,000 seeds: with the base seed drawn anew, each run of the tests looks elsewhere.
#[test]
fn orders_survive_20_000_storms_of_every_profile() {
    check(OrderFulfillment::new()).seeds(20_000).profiles(Profile::ALL).assert_seaworthy();
}
