//! What the shop promises, judged by oracles of these tests alone: each reads the trace of a run, and knows nothing of the
//! invariants that ship. They judge each fault that can strike one order, and drawn plans of every profile.

mod contexts;
mod crash_window;
mod outbox;
mod sagas;
mod story;

use std::sync::Mutex;

use seaworthy_scenarios::{
    order_fulfillment::{OrderFulfillment, Orders},
    specimens,
};
use seaworthy_sim::{
    explore::{ExhaustOptions, Seeds, SweepOptions, Until, exhaust, runner, sweep},
    plan::{Plan, PlanError, Profile},
    world::{self, RunOptions, RunReport},
};

use story::Story;

/// Says how much there was to judge, or what is broken.
type Oracle = fn(&Story<'_>) -> Result<u64, String>;

/// The seeds are fixed, so that a failure can be found again.
const BASE_SEED: u64 = 0x5ea_5eed;

/// Drawn plans of every profile.
const DRAWN: u64 = 100;

/// Everything that was judged, and what was found to be broken.
#[derive(Debug, Default)]
struct Found {
    runs: u64,
    judged: u64,
    broken: Vec<String>,
}

/// Judges each fault that can strike one order, and drawn plans of every profile.
fn judge(shop: &OrderFulfillment, oracle: Oracle) -> Found {
    let found = Mutex::new(Found::default());
    let run = |shop: &OrderFulfillment, plan: &Plan<Orders>, options: &RunOptions| -> Result<RunReport, PlanError> {
        let report = world::run(shop, plan, &options.clone().keep_trace(true))?;
        let judged = oracle(&Story::new(&report, &plan.workload));
        let mut found = found.lock().expect("no oracle panics");
        found.runs += 1;
        match judged {
            Ok(judged) => found.judged += judged,
            Err(broken) => found.broken.push(format!("seed {}, {:?}: {broken}", plan.seed, plan.faults)),
        }
        Ok(report)
    };
    exhaust(&runner(shop, run), &ExhaustOptions::new(1), &|_| {}).expect("there is an order");
    let mut drawn = SweepOptions::new(Seeds::Base(BASE_SEED), Until::runs(DRAWN * Profile::ALL.len() as u64));
    drawn.profiles = Profile::ALL.to_vec();
    sweep(&runner(shop, run), &drawn, &|_| {}).expect("there are seeds");
    found.into_inner().expect("no oracle panics")
}

/// That an oracle finds nothing wrong with the shop, and has much to judge.
fn assert_holds(shop: &OrderFulfillment, oracle: Oracle) {
    let found = judge(shop, oracle);
    assert!(found.broken.is_empty(), "{} of {} runs, the first: {}", found.broken.len(), found.runs, found.broken[0]);
    assert!(found.runs > 1_000 && found.judged > found.runs / 2, "{} judged in {} runs", found.judged, found.runs);
}

/// That an oracle finds a mistake: who finds nothing anywhere proves nothing.
fn assert_finds(twin: &str, oracle: Oracle) {
    let twins = specimens::twins();
    let name = format!("order_fulfillment/{twin}");
    let twin = twins.iter().find(|twin| seaworthy_sim::scenario::Scenario::name(*twin) == name).expect("a twin");
    let found = judge(twin, oracle);
    assert!(!found.broken.is_empty(), "{name} is not found: {} judged in {} runs", found.judged, found.runs);
}
