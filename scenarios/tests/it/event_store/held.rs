//! No seed of any profile and no single fault accuses the bank.

use seaworthy_core::ports::Operation;
use seaworthy_scenarios::event_store::EventStore;
use seaworthy_sim::{
    check,
    explore::{ExhaustOptions, exhaust},
    plan::Profile,
};

const SEEDS: u64 = 200;

/// A seed whose first booking is carried out; that of seed 0 is refused.
const BOOKED: u64 = 5;

#[test]
fn the_bank_is_not_accused_under_any_profile() {
    let all = check(EventStore::new()).profiles(Profile::ALL).seeds(SEEDS * Profile::ALL.len() as u64);
    if let Err(error) = all.strict(false).verify() {
        panic!("{error}");
    }
}

/// One booking that is carried out, and every fault that can strike at any call of any of the writers, the subscribers, the relay and the
/// post.
#[test]
fn seed_66_whatever_strikes_once_each_consumer_of_the_log_has_each_event_once_and_in_order() {
    let options = ExhaustOptions::new(1).seed(Some(BOOKED));
    let campaign = exhaust(&EventStore::new(), &options, &|_| {}).expect("there are bookings");
    let exhausted = campaign.exhausted.expect("it is an exhaustive search");
    assert_eq!((campaign.failed, campaign.runs), (0, exhausted.all()), "{:?}", campaign.failures);
    assert!(exhausted.single > 4_000, "{exhausted}");
    // A booking that is refused would leave these alone.
    for operation in [
        Operation::AppendEvents,
        Operation::ReadEvents,
        Operation::SetCheckpoint,
        Operation::Stage,
        Operation::Claim,
        Operation::Publish,
        Operation::Settle,
        Operation::InboxInsert,
        Operation::Ack,
        Operation::Commit,
    ] {
        let fired = campaign.points.get(&operation).map_or(0, |tally| tally.fired);
        assert!(fired > 0, "nothing strikes at {operation}: {:?}", campaign.points);
    }
    assert!(campaign.verdict().proves(), "{}", campaign.verdict());
    println!("{} of {}", campaign.runs - campaign.failed, exhausted.all());
}
