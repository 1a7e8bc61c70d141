//! For every invariant that ships, and for what the world itself finds, a small service with a mistake that violates it, in
//! the simulator, under drawn seeds; and the same service without it, which holds under the same seeds.
//!
//! No service has an invariant of its own: what finds them is what everybody gets.

mod acknowledged_before_handled;
mod by_the_world;
mod conserved;
mod dead_only_injected;
mod duplicate_effect;
mod full_compensation;
mod lock_stranded;
mod lost_event;
mod message_unhandled;
mod no_row_stuck;
mod one_message_per_id;
mod one_saga_per_key;
mod per_key_order;
mod phantom_event;
mod saga_by_hand;
mod saga_resolves;
mod stale_claim_settle;
mod stock;
mod terminal_state_final;
mod torn_step;
mod unroutable;
mod waits_behind_dead;

use seaworthy_sim::{
    explore::{Campaign, Seeds, SweepOptions, Until, sweep},
    plan::Profile,
};

use crate::{mechanisms::in_flight_key, small_service::Service};

/// Each invariant that ships, and a service that violates it.
const PLANTED: [(&str, Service); 19] = [
    ("phantom-event", phantom_event::WRONG),
    ("one-message-per-id", one_message_per_id::WRONG),
    ("lost-event", lost_event::WRONG),
    ("acknowledged-before-handled", acknowledged_before_handled::WRONG),
    ("handled-without-effect", in_flight_key::WRONG),
    ("duplicate-effect", duplicate_effect::WRONG),
    ("per-key-order", per_key_order::WRONG),
    ("stale-claim-settle", stale_claim_settle::WRONG),
    ("no-row-stuck", no_row_stuck::WRONG),
    ("waits-behind-dead", waits_behind_dead::WRONG),
    ("dead-only-injected", dead_only_injected::WRONG),
    ("message-unhandled", message_unhandled::WRONG),
    ("lock-stranded", lock_stranded::WRONG),
    ("conserved", conserved::WRONG),
    ("saga-resolves", saga_resolves::WRONG),
    ("full-compensation", full_compensation::WRONG),
    ("torn-step", torn_step::WRONG),
    ("terminal-state-final", terminal_state_final::WRONG),
    ("one-saga-per-key", one_saga_per_key::WRONG),
];

/// What the world finds of a service without an invariant.
const BY_THE_WORLD: [(&str, Service); 4] = [
    ("panic", by_the_world::PANIC),
    ("livelock", by_the_world::LIVELOCK),
    ("request-unanswered", by_the_world::UNANSWERED),
    ("own-table", by_the_world::UNREADABLE),
];

/// Ten times what the rarest of them needs.
const SEEDS_MAX: u64 = 4_000;
/// Of each service without its mistake, at least.
const SEEDS_RIGHT: u64 = 300;

fn campaign(service: &Service, seeds: u64, profiles: &[Profile]) -> Campaign {
    let mut options = SweepOptions::new(Seeds::Base(0x5ea_0009), Until::runs(seeds));
    options.profiles = profiles.to_vec();
    // A mistake may first be seen by another invariant than the one that is about it.
    options.until.failures = Some(8);
    // One at a time: seeds to detection then do not depend on the machine.
    options.jobs = 1;
    sweep(service, &options, &|_| {}).expect("the sweep has seeds")
}

#[test]
fn each_planted_mistake_is_found_by_the_invariant_that_it_violates_and_the_right_service_holds() {
    println!("{:<28} {:<30} {:>5}  violates first", "invariant", "service", "seeds");
    for (invariant, wrong) in PLANTED.into_iter().chain(BY_THE_WORLD) {
        let found = campaign(&wrong, SEEDS_MAX, &[Profile::Swarm]);
        let failure = found.first_failure().unwrap_or_else(|| panic!("{} held for {SEEDS_MAX} seeds", wrong.name));
        println!("{invariant:<28} {:<30} {:>5}  {}", wrong.name, found.runs, failure.violation.invariant);
        let violated = found.invariants.iter().filter(|(_, tally)| tally.violated > 0).map(|(name, _)| name.as_str());
        let violated: Vec<&str> = violated.collect();
        assert!(violated.contains(&invariant), "{}: {violated:?}: {}", wrong.name, failure.violation.sentence);

        let right = wrong.right();
        let same = campaign(&right, found.runs.max(SEEDS_RIGHT), &[Profile::Swarm]);
        assert_eq!(same.failed, 0, "{} without its mistake: {:#?}", right.name, same.failures);
        let others = campaign(&right, SEEDS_RIGHT, &Profile::ALL);
        assert_eq!(others.failed, 0, "{} without its mistake: {:#?}", right.name, others.failures);
        if let Some(tally) = same.invariants.get(invariant) {
            assert!(tally.mode.is_none() || tally.met != Some(0), "{} has nothing that could violate", right.name);
        }
    }
}
