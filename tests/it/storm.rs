//! Order fulfillment in every storm: what the main job shows, held as a test.

use seaworthy_scenarios::order_fulfillment::OrderFulfillment;
use seaworthy_sim::{check, explore::Corpus, plan::Profile, world::RunOptions};

/// 2,200 seeds of each of the ten profiles: 22,000 runs, all on the same core that production runs.
const SEEDS_EACH: u64 = 2_200;

macro_rules! storms {
    ($($test:ident: $profile:ident;)*) => {
        $(
            #[test]
            fn $test() {
                check(OrderFulfillment::new()).seeds(SEEDS_EACH).profile(Profile::$profile).assert_seaworthy();
            }
        )*
    };
}

storms! {
    order_fulfillment_holds_in_calm: Calm;
    order_fulfillment_holds_under_crashes: Crash;
    order_fulfillment_holds_under_duplicates: Duplicate;
    order_fulfillment_holds_under_outages: Outage;
    order_fulfillment_holds_under_rejections: Rejection;
    order_fulfillment_holds_under_lost_replies: LostReply;
    order_fulfillment_holds_under_latency: Latency;
    order_fulfillment_holds_under_clock_skew: Clock;
    order_fulfillment_holds_under_everything: Everything;
    order_fulfillment_holds_under_swarm: Swarm;
}

/// The shrunk plans that break the twins are the corpus of the scenario that has everything right: each check replays
/// them before anything is drawn.
#[test]
fn the_plans_that_break_the_twins_are_replayed_first_and_hold() {
    let corpus = Corpus::at("corpus").replay(&OrderFulfillment::new(), &RunOptions::default());
    let corpus = corpus.expect("the corpus can be read");
    assert_eq!((corpus.plans, corpus.failures), (10, vec![]));
}
