//! For every invariant that ships, and for what the world itself finds, a small service with a mistake that violates it, in
//! the simulator, under drawn seeds; and the same service without it, which holds under the same seeds.
//!
//! No service has an invariant of its own: what finds them is what everybody gets.

mod acknowledged_before_handled;
mod at_the_limit;
mod billing;
mod bounded_attempts;
mod bounded_growth;
mod by_the_world;
mod checkpoint_beyond_effect;
mod claim_order;
mod conserved;
mod dead_only_injected;
mod dense_streams;
mod dropped_work;
mod duplicate_effect;
mod event_once;
mod full_compensation;
mod gap_read_past;
mod heard;
mod identity;
mod leaves_again;
mod lineage;
mod lock_order;
mod lock_stranded;
mod lost_event;
mod message_held_up;
mod message_unhandled;
mod never_purges;
mod no_row_stuck;
mod one_message_per_id;
mod one_saga_per_key;
mod per_key_order;
mod phantom_event;
mod process_stands_still;
mod prompt_when_calm;
mod properties;
mod rejection_once;
mod releases;
mod restored;
mod reverted;
mod saga_by_hand;
mod saga_held_up;
mod saga_resolves;
mod saga_starts_late;
mod saga_worker;
mod sagas_hoarded;
mod stale_claim_settle;
mod stands_still;
mod stock;
mod stops_when_asked;
mod terminal_state_final;
mod topic_held_up;
mod torn_step;
mod unbound;
mod unbounded_wait;
mod unlisted;
mod unread;
mod unroutable;
mod waits_behind_dead;
mod whole_errors;
mod without_a_limit;
mod workers_without_keys;

use seaworthy_sim::{
    explore::{Campaign, Seeds, SweepOptions, Until, sweep},
    plan::Profile,
    scenario::Scenario,
};

use crate::{mechanisms::in_flight_key, small_service::Service};

/// Makes a list of planted mistakes, and a test of each, so that they run side by side.
macro_rules! planted {
    ($(#[$doc:meta])* $list:ident: $($test:ident = $name:literal by $service:expr;)*) => {
        $(#[$doc])*
        const $list: &[&str] = &[$($name),*];

        /// Each mistake is found by what it violates, and the right service holds.
        mod found {
            use super::*;

            $(#[test]
            fn $test() {
                is_found_and_the_right_service_holds($name, $service);
            })*
        }
    };
}

planted! {
    /// Each invariant that ships and, at the end, what the world finds of a service without an invariant.
    PLANTED:
    phantom_event = "phantom-event" by phantom_event::WRONG;
    one_message_per_id = "one-message-per-id" by one_message_per_id::WRONG;
    lineage = "lineage" by lineage::WRONG;
    lost_event = "lost-event" by lost_event::WRONG;
    acknowledged_before_handled = "acknowledged-before-handled" by acknowledged_before_handled::WRONG;
    handled_without_effect = "handled-without-effect" by in_flight_key::WRONG;
    duplicate_effect = "duplicate-effect" by duplicate_effect::WRONG;
    per_key_order = "per-key-order" by per_key_order::WRONG;
    stale_claim_settle = "stale-claim-settle" by stale_claim_settle::WRONG;
    no_row_stuck = "no-row-stuck" by no_row_stuck::WRONG;
    waits_behind_dead = "waits-behind-dead" by waits_behind_dead::WRONG;
    topic_held_up = "topic-held-up" by topic_held_up::WRONG;
    dead_only_injected = "dead-only-injected" by dead_only_injected::WRONG;
    message_unhandled = "message-unhandled" by message_unhandled::WRONG;
    lock_stranded = "lock-stranded" by lock_stranded::WRONG;
    conserved = "conserved" by conserved::WRONG;
    saga_resolves = "saga-resolves" by saga_resolves::WRONG;
    saga_starts_late = "saga-starts-late" by saga_starts_late::WRONG;
    saga_held_up = "saga-held-up" by saga_held_up::WRONG;
    sagas_hoarded = "sagas-hoarded" by sagas_hoarded::WRONG;
    full_compensation = "full-compensation" by full_compensation::WRONG;
    torn_step = "torn-step" by torn_step::WRONG;
    terminal_state_final = "terminal-state-final" by terminal_state_final::WRONG;
    one_saga_per_key = "one-saga-per-key" by one_saga_per_key::WRONG;
    dense_streams = "dense-streams" by dense_streams::WRONG;
    gap_read_past = "gap-read-past" by gap_read_past::WRONG;
    checkpoint_beyond_effect = "checkpoint-beyond-effect" by checkpoint_beyond_effect::WRONG;
    event_once = "event-once" by event_once::WRONG;
    stands_still = "stands-still" by stands_still::WRONG;
    rejection_once = "rejection-once" by rejection_once::WRONG;
    message_held_up = "message-held-up" by message_held_up::WRONG;
    prompt_when_calm = "prompt-when-calm" by prompt_when_calm::WRONG;
    bounded_attempts = "bounded-attempts" by bounded_attempts::WRONG;
    unbounded_wait = "unbounded-wait" by unbounded_wait::WRONG;
    stops_when_asked = "stops-when-asked" by stops_when_asked::WRONG;
    heard = "heard" by heard::WRONG;
    bounded_growth = "bounded-growth" by bounded_growth::WRONG;
    panic = "panic" by by_the_world::PANIC;
    part_ended = "part-ended" by by_the_world::PART_ENDED;
    livelock = "livelock" by by_the_world::LIVELOCK;
    request_unanswered = "request-unanswered" by by_the_world::UNANSWERED;
    own_table = "own-table" by by_the_world::UNREADABLE;
    unlisted = "unlisted" by unlisted::WRONG;
}

/// A second mistake that breaks the order of a key, beside the relay's.
#[test]
fn workers_that_know_no_keys_are_found() {
    is_found_and_the_right_service_holds("per-key-order", workers_without_keys::WRONG);
}

/// How many at the end of [`PLANTED`] are what the world finds.
const BY_THE_WORLD: usize = 6;

/// More than twice what the rarest of them needs.
const SEEDS_MAX: u64 = 8_000;
/// Of each service without its mistake, at least.
const SEEDS_RIGHT: u64 = 300;

fn campaign(service: &impl Scenario, seeds: u64, profiles: &[Profile]) -> Campaign {
    // A mistake may first be seen by another invariant than the one that is about it.
    campaign_until(service, seeds, profiles, 8)
}

/// A campaign that ends at its first failure.
fn first_failure(service: &Service, seeds: u64, profiles: &[Profile]) -> Campaign {
    campaign_until(service, seeds, profiles, 1)
}

fn campaign_until(service: &impl Scenario, seeds: u64, profiles: &[Profile], failures: u64) -> Campaign {
    let mut options = SweepOptions::new(Seeds::Base(0x5ea_0009), Until::runs(seeds));
    options.profiles = profiles.to_vec();
    options.search.until.failures = Some(failures);
    // One at a time: seeds to detection then do not depend on the machine.
    options.search.jobs = 1;
    sweep(service, &options, &|_| {}).expect("the sweep has seeds")
}

fn is_found_and_the_right_service_holds(invariant: &str, wrong: Service) {
    let found = campaign(&wrong, SEEDS_MAX, &[Profile::Swarm]);
    let failure = found.first_failure().unwrap_or_else(|| panic!("{} held for {SEEDS_MAX} seeds", wrong.name));
    let of_it = found.failures.iter().filter(|failure| failure.violation.invariant == invariant);
    // A row of a table: `cargo test -p seaworthy-sim-tests --test it planted -- --nocapture | grep '^|'` prints all of it.
    let seeds = of_it.map(|failure| failure.index).min().unwrap_or(failure.index) + 1;
    println!("| `{}` | {seeds} | `{invariant}` |", wrong.name);
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
