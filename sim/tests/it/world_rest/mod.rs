//! A run rests when it is over, whatever its services do besides: they poll tables of their own, beat, sweep, hold
//! leases. What is still to be done is done by then.

mod booked;
mod heartbeats;
mod late_copies;
mod pending;
mod pollers;
mod presence;
mod under_way;

use seaworthy_sim::{check, plan::Profile, scenario::Scenario};

/// Runs some seeds of profiles calm and swarm, none of which may fail.
fn holds<S: Scenario + Clone>(scenario: S, seeds: u64) {
    let seeds = std::env::var("SEAWORTHY_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(seeds);
    for profile in [Profile::Calm, Profile::Swarm] {
        let check = check(scenario.clone()).profile(profile).seeds(seeds).base_seed(1).strict(false);
        if let Err(error) = check.verify() {
            panic!("{}, {profile}:\n{error}", scenario.name());
        }
    }
}
