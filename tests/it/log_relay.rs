//! A relay that tails the log fulfils the same contract as one that claims: the same scenario, the same faults, the same
//! invariants, on the simulated store and on SQLite. Two replicas of each service tail the same log.

use std::{sync::Arc, time::Duration};

use seaworthy_core::{
    outbox::LogRelay,
    ports::{OutboxOrder, Ports, StoreError, TailRequest, WhenDead},
    wake::Wake,
};
use seaworthy_order_fulfillment::Variant;
use seaworthy_scenarios::order_fulfillment::OrderFulfillment;
use seaworthy_sim::{
    explore::{Campaign, Seeds, Source, SweepOptions, Until, sweep},
    generate::generate,
    plan::{Plan, Profile},
    scenario::Scenario,
    trace::{Effect, What},
    world::{RunOptions, run},
};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};

/// The seeds are fixed, so that a failure can be found again.
const BASE_SEED: u64 = 0x5ea_0c0c;
const NAME: &str = "relay";

fn tailing() -> OrderFulfillment {
    OrderFulfillment::twin(
        "log-relay",
        "both services publish with a relay that tails the log",
        Variant {
            relay: |ports, settings, wake| {
                Box::pin(async move {
                    LogRelay::new(&ports, NAME).config(settings.relay()).wake(wake).run().await;
                })
            },
            ..Variant::default()
        },
    )
}

/// Moves its position, and marks what it read, before the broker has acknowledged anything.
fn moving_first() -> OrderFulfillment {
    OrderFulfillment::twin(
        "position-before-acknowledgement",
        "the relay moves its position before the broker has what lies behind it",
        Variant {
            relay: |ports, settings, wake| {
                Box::pin(async move {
                    for idle in 0.. {
                        if ports.stop.is_set() {
                            return;
                        }
                        if !move_and_publish(&ports).await.unwrap_or(false) {
                            let rest = settings.relay_poll.delay(idle, &*ports.random);
                            wait(&ports, &wake, rest).await;
                        }
                    }
                })
            },
            ..Variant::default()
        },
    )
}

async fn wait(ports: &Ports, wake: &Wake, rest: Duration) {
    wake.wait(&*ports.clock, &ports.stop, rest).await;
}

async fn move_and_publish(ports: &Ports) -> Result<bool, StoreError> {
    let (ordering, when_dead) = (OutboxOrder::PerKey, WhenDead::BlockKey);
    let request = TailRequest { limit: 100, ordering, when_dead, except_topics: Vec::new(), except_keys: Vec::new() };
    let messages: Vec<_> = ports.store.tail(&request).await?.into_iter().map(|row| row.message).collect();
    let Some(last) = messages.last() else { return Ok(false) };
    let ids: Vec<_> = messages.iter().map(|message| message.id).collect();
    let mut tx = ports.store.begin().await?;
    tx.outbox_dispatched(&ids).await?;
    tx.set_checkpoint(NAME, last.sequence).await?;
    tx.commit().await?;
    let _ = ports.broker.publish(&messages).await;
    Ok(true)
}

fn sqlite() -> RunOptions {
    RunOptions::default().store(Some(Arc::new(|_, clock| {
        let store = SqliteStore::open_in_memory(clock, SqliteConfig::simulation());
        Arc::new(store.expect("room for a database"))
    })))
}

fn campaign(scenario: &OrderFulfillment, profiles: Vec<Profile>, count: u64, run: RunOptions) -> Campaign {
    let mut options = SweepOptions::new(Seeds::Base(BASE_SEED), Until::runs(count));
    (options.profiles, options.search.until.failures, options.search.run) = (profiles, Some(1), run);
    sweep(scenario, &options, &|_| {}).expect("the sweep has seeds")
}

/// `SEAWORTHY_SEEDS` for each profile; otherwise 300, which takes seconds, and 2,000 of the swarm, which mixes them all.
fn assert_all_hold(run: &RunOptions) {
    let asked = std::env::var("SEAWORTHY_SEEDS").ok().and_then(|count| count.parse().ok());
    let (each, swarm) = asked.map_or((300, 2_000), |count: u64| (count, count));
    // One campaign for all the others, which take turns: each would rehearse anew.
    let others: Vec<_> = Profile::ALL.into_iter().filter(|profile| *profile != Profile::Swarm).collect();
    for (profiles, seeds) in [(vec![Profile::Swarm], swarm), (others.clone(), each * others.len() as u64)] {
        let campaign = campaign(&tailing(), profiles, seeds, run.clone());
        assert_eq!(campaign.failed, 0, "{:#?}", campaign.failures);
        assert_eq!(campaign.runs, seeds);
    }
}

#[test]
fn seed_48_every_invariant_holds_on_the_simulated_store_under_every_profile() {
    assert_all_hold(&RunOptions::default());
}

#[test]
fn seed_48_every_invariant_holds_on_sqlite_under_every_profile() {
    assert_all_hold(&sqlite());
}

#[test]
fn rows_are_dispatched_and_given_up_without_a_claim_and_positions_move() {
    let scenario = tailing();
    let (mut dispatched, mut given_up, mut moved) = (0, 0, 0);
    for number in 0..60 {
        let plan = generate(&scenario, BASE_SEED + number, Profile::Rejection);
        let options = RunOptions::default().keep_trace(true);
        let report = run(&scenario, &plan, &options).expect("a generated plan is valid");
        assert!(report.held(), "{:?}", report.violations);
        for event in report.trace.iter().flatten() {
            match &event.what {
                What::Claim { .. } | What::Settle { .. } => panic!("nobody claims: {event:?}"),
                What::Commit { effects, .. } => {
                    for effect in effects.iter() {
                        match effect {
                            Effect::Dispatched(_) => dispatched += 1,
                            Effect::GivenUp { .. } => given_up += 1,
                            Effect::Checkpoint { consumer, .. } if consumer == NAME => moved += 1,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
    }
    assert!(dispatched > 100 && given_up > 3 && moved > 100, "{dispatched} {given_up} {moved}");
}

#[test]
fn seed_48_a_position_that_moves_before_the_acknowledgement_loses_events_and_the_same_plan_holds_where_it_moves_after()
{
    let broken = moving_first();
    let campaign = campaign(&broken, vec![Profile::Swarm], 2_000, RunOptions::default());
    let failure = campaign.failures.first().expect("found within 2,000 seeds");
    assert_eq!(failure.violation.invariant, "lost-event");
    let Source::Seed { seed, profile } = failure.source else { panic!("found under no seed") };
    let plan = generate(&broken, seed, profile);
    let control = Plan { scenario: tailing().name().into(), ..plan };
    let report = run(&tailing(), &control, &RunOptions::default()).expect("the same topology");
    assert!(report.held(), "{:?}", report.violations);
}
