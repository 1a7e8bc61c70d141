//! Right services of other shapes are never accused. `seaworthy run` with `--profile each` does the same by the hundred
//! thousand seeds; see the README.

use seaworthy_scenarios::{
    controls::{self, Control},
    order_fulfillment::OrderFulfillment,
    payments::PaymentService,
    welcoming::Welcoming,
};
use seaworthy_sim::{check, explore::Gap, plan::Profile, scenario::Scenario};

/// A false alarm of one seed in a hundred would be seen in a profile with a probability of 0.63, and in one of ten.
const SEEDS: u64 = 100;

/// A group that leaves nothing behind is told; each of these leaves something.
#[test]
fn no_consumer_group_of_a_right_service_is_told_to_be_idle() {
    let shop = groups(OrderFulfillment::new());
    assert!(shop.len() >= 2, "{shop:?}");
    let welcoming = groups(Welcoming);
    let payments = groups(PaymentService::new());
    let controls: Vec<_> = controls::all().into_iter().flat_map(groups).collect();
    assert!(!(welcoming.is_empty() || payments.is_empty() || controls.is_empty()));
}

/// The names of the groups that have acknowledged something, none of which is idle.
fn groups<S: Scenario>(scenario: S) -> Vec<String> {
    let name = scenario.name().to_owned();
    let campaign = check(scenario).profile(Profile::Calm).seeds(SEEDS).report().expect("the check has seeds");
    let verdict = campaign.verdict();
    let idle = verdict.warnings.iter().filter(|warning| matches!(warning.gap, Gap::Idle { .. }));
    assert_eq!(idle.map(ToString::to_string).collect::<Vec<_>>(), [""; 0], "{name}");
    campaign.groups.keys().map(ToString::to_string).collect()
}

#[test]
fn no_control_is_accused_in_any_profile() {
    let mut accused = Vec::new();
    for control in controls::all() {
        accused.extend(Profile::ALL.into_iter().filter_map(|profile| accuse(control, profile)));
    }
    assert!(accused.is_empty(), "{}", accused.join("\n\n"));
}

fn accuse(control: Control, profile: Profile) -> Option<String> {
    // Whether a campaign of so few seeds shows all that its profile can do is not asked here: a poller that looks once a
    // minute publishes when the storm is over.
    let checked = check(control).profile(profile).seeds(SEEDS).strict(false).verify();
    checked.err().map(|error| format!("{} under {profile}: {error}", control.name()))
}
