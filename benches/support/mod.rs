//! What the benchmarks share: a stopwatch that other programs on the machine can't falsify, and runs to time with it.

#![allow(dead_code, unused_imports, unreachable_pub, reason = "each benchmark uses a part of it")]

mod cpu;
mod floor;
mod memory;
mod one_order;

use std::time::Duration;

use criterion::Criterion;
use seaworthy_scenarios::order_fulfillment::Orders;
use seaworthy_sim::{
    generate::generate,
    plan::{Plan, Profile},
    scenario::Scenario,
    world::{RunOptions, RunReport, run},
};

pub use cpu::{CpuTime, thread_cpu};
pub use floor::floor;
pub use memory::{peak_mb, resident_mb};
pub use one_order::OneOrder;

/// Criterion on CPU time, quick: CPU time scatters little, so ten samples of a few hundred runs are enough.
pub fn quick() -> Criterion<CpuTime> {
    Criterion::default()
        .with_measurement(CpuTime)
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2))
        .without_plots()
}

/// Whether this is `cargo bench`, and not `cargo test` that only wants to see it run.
pub fn is_measuring() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// Draws the plan of a seed and runs it, as a campaign does.
pub fn lifecycle<S: Scenario<Workload = Orders>>(
    scenario: &S,
    seed: u64,
    profile: Profile,
    options: &RunOptions,
) -> RunReport {
    let plan: Plan<Orders> = generate(scenario, seed, profile);
    let report = run(scenario, &plan, options).expect("a drawn plan can be honoured");
    assert!(report.held(), "seed {seed} under {profile}: {:?}", report.violations);
    report
}

/// The middle one of some figures.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
