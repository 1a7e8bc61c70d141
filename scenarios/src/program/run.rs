use std::{
    hash::{BuildHasher, RandomState},
    path::Path,
    process,
    sync::Arc,
};

use seaworthy_scenarios::{
    catalog,
    order_fulfillment::{OrderFulfillment, orders_file::read_orders},
};
use seaworthy_sim::{
    explore::{Campaign, Seeds, Shard, SweepOptions, Verdict, sweep},
    world::{RunOptions, StoreFactory},
};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};
use serde::Serialize;

use super::{
    Exit, Failure,
    arguments::{RunArguments, StoreKind},
    failure, files,
    interrupt::Interrupt,
    progress, summary,
};

/// Seeds where nothing else is said: a few seconds' worth.
const SEEDS: u64 = 5_000;

/// `seaworthy run`.
pub(super) fn run(arguments: &RunArguments) -> Result<Exit, Failure> {
    let scenario = scenario(&arguments.scenario, arguments.orders.as_deref())?;
    if let Some(json) = &arguments.json {
        files::check_writable(json)?;
    }
    let interrupt = Interrupt::listen();
    let options = options(arguments, &interrupt)?;
    let bar = progress::of_sweep(arguments.duration);
    let show = |now: &_| progress::show_sweep(&bar, arguments.duration, now);
    let campaign = sweep(&scenario, &options, &show);
    bar.finish_and_clear();
    let campaign = campaign?;
    let verdict = campaign.verdict();
    summary::print(&campaign, &verdict);
    let told = failure::tell_all(&scenario, &campaign, arguments, &options.run, &interrupt);
    if let Some(json) = &arguments.json {
        write_json(json, &campaign, &verdict)?;
    }
    told?;
    Ok(if !verdict.held {
        Exit::Violated
    } else if interrupt.happened() {
        Exit::Interrupted
    } else if arguments.strict && !verdict.proves() {
        summary::print_hollow();
        Exit::Violated
    } else {
        Exit::Held
    })
}

/// The scenario of this name, with the orders of a file if there is one.
pub(super) fn scenario(name: &str, orders: Option<&Path>) -> Result<OrderFulfillment, Failure> {
    let scenario = catalog::find(name)?;
    Ok(match orders {
        Some(path) => scenario.with_orders(read_orders(path)?),
        None => scenario,
    })
}

/// How each plan is executed.
pub(super) fn run_options(store: StoreKind) -> RunOptions {
    let store: Option<StoreFactory> = match store {
        StoreKind::Memory => None,
        StoreKind::Sqlite => Some(Arc::new(|_, clock| {
            let store = SqliteStore::open_in_memory(clock, SqliteConfig::simulation());
            Arc::new(store.expect("SQLite opens a database in memory"))
        })),
    };
    RunOptions { store, ..RunOptions::default() }
}

fn options(arguments: &RunArguments, interrupt: &Interrupt) -> Result<SweepOptions, Failure> {
    if arguments.shard != Shard::WHOLE && arguments.base_seed.is_none() {
        return Err("a shard needs --base-seed: only parts of the same seeds make up a whole".into());
    }
    let base = arguments.base_seed.unwrap_or_else(draw_base_seed);
    let seeds = match (arguments.seed, arguments.duration) {
        (Some(seed), _) => Seeds::Explicit(vec![seed]),
        (None, Some(duration)) => Seeds::For { base, duration },
        (None, None) => {
            // A file of orders is a workload of its own: one seed, unless more are asked for.
            let count = arguments.seeds.unwrap_or(if arguments.orders.is_some() { 1 } else { SEEDS });
            Seeds::Count { base, count }
        }
    };
    let mut options = SweepOptions::new(seeds);
    options.profiles.clone_from(&arguments.profiles);
    options.jobs = arguments.jobs.map_or(options.jobs, usize::from);
    options.shard = arguments.shard;
    options.failures_wanted = (!arguments.keep_going).then_some(1);
    options.run = run_options(arguments.store);
    options.stop = interrupt.stop.clone();
    Ok(options)
}

/// Another one each time: it comes from the operating system, by way of the seed of the standard library's hash maps.
fn draw_base_seed() -> u64 {
    RandomState::new().hash_one(process::id())
}

/// What is written with `--json`: the campaign, which can be merged with other shards', and what it is worth.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    campaign: &'a Campaign,
    held: bool,
    failure_rate_upper_bound: f64,
    warnings: Vec<String>,
}

fn write_json(path: &Path, campaign: &Campaign, verdict: &Verdict) -> Result<(), Failure> {
    let report = Report {
        campaign,
        held: verdict.held,
        failure_rate_upper_bound: verdict.failure_rate_upper_bound,
        warnings: verdict.warnings.iter().map(ToString::to_string).collect(),
    };
    let mut text = serde_json::to_string_pretty(&report)?;
    text.push('\n');
    files::write_whole(path, &text)
}
