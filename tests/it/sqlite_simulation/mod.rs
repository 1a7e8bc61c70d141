//! The same plans on the simulated store and on SQLite: the same verdicts, and the same traces again and again.
//!
//! SQLite has one writer: a transaction waits for the one before it, where the simulated store lets both go on and
//! fails the one that commits last. So from the first moment at which two transactions overlap, the two runs of a plan
//! are different schedules, each a possible one, and a fault at "the 7th commit" may strike another commit. That this is
//! the only difference is shown by a simulated store behind the same queue, which leaves SQLite's trace, event by event.
//!
//! `SEAWORTHY_SEEDS=2000 cargo test --test it sqlite_simulation -- --nocapture` compares as many seeds of every profile for
//! every scenario, which takes some minutes, and prints what was found.

mod one_writer;
mod tally;
pub(crate) mod traces;
mod verdicts;

use std::{fmt::Debug, sync::Arc};

use seaworthy_core::ports::Clock;
use seaworthy_scenarios::order_fulfillment::OrderFulfillment;
use seaworthy_sim::{
    generate::generate,
    plan::{Plan, Profile, derive_seed},
    scenario::{Scenario, StoreFactory},
    world::{RunOptions, RunReport, run},
};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};

type Orders = <OrderFulfillment as Scenario>::Workload;

/// The seeds are fixed, so that figures can be compared from one change to the next.
const BASE_SEED: u64 = 0x5ea;

/// How the program and the checks run on SQLite: databases in memory, which are emptied and used again.
fn sqlite() -> RunOptions {
    on(|_, clock| SqliteStore::open_in_memory(clock, SqliteConfig::simulation()))
}

/// Runs on the stores that `open` opens for a name.
fn on<E: Debug>(open: impl Fn(&str, Arc<dyn Clock>) -> Result<SqliteStore, E> + Send + Sync + 'static) -> RunOptions {
    let factory: StoreFactory = Arc::new(move |name, clock| Arc::new(open(name, clock).expect("room for a database")));
    RunOptions::default().store(Some(factory))
}

/// A scenario's plan for the seed of this number.
fn plan(scenario: &OrderFulfillment, number: u64, profile: Profile) -> Plan<Orders> {
    generate(scenario, derive_seed(BASE_SEED, number), profile)
}

pub(crate) fn execute(scenario: &OrderFulfillment, plan: &Plan<Orders>, options: &RunOptions) -> RunReport {
    run(scenario, plan, options).expect("a generated plan is valid")
}
