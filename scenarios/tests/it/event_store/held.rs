//! No seed of any profile and no single fault accuses the bank.

use seaworthy_scenarios::event_store::EventStore;
use seaworthy_sim::{
    check,
    explore::{ExhaustOptions, exhaust},
    plan::Profile,
};

const SEEDS: u64 = 200;

#[test]
fn the_bank_is_not_accused_under_any_profile() {
    let all = check(EventStore::new()).profiles(Profile::ALL).seeds(SEEDS * Profile::ALL.len() as u64);
    if let Err(error) = all.strict(false).verify() {
        panic!("{error}");
    }
}

/// One booking, and every fault that can strike at any call of any of the writers, the subscribers, the relay and the post.
#[test]
fn seed_66_whatever_strikes_once_each_consumer_of_the_log_has_each_event_once_and_in_order() {
    let campaign = exhaust(&EventStore::new(), &ExhaustOptions::new(1), &|_| {}).expect("there are bookings");
    let exhausted = campaign.exhausted.expect("it is an exhaustive search");
    assert_eq!((campaign.failed, campaign.runs), (0, exhausted.all()), "{:?}", campaign.failures);
    assert!(exhausted.single > 1_000, "{exhausted}");
    assert!(campaign.verdict().proves(), "{}", campaign.verdict());
    println!("{} of {}", campaign.runs - campaign.failed, exhausted.all());
}
