use std::path::PathBuf;

use clap::Args;

use super::{Places, Without, seed};
use crate::{explore::Shard, hexadecimal};

fn first_plan(text: &str) -> Result<u64, String> {
    match hexadecimal::parse(text) {
        Some(0) => Err("the first plan has number 1".to_owned()),
        Some(number) => Ok(number),
        None => Err(format!("{text:?} is no number of a plan: write one from 1, decimal or 0x...")),
    }
}

/// The command `exhaust`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ExhaustArguments {
    /// The scenario, as `list` shows it; the first if none is named
    #[arg(value_name = "SCENARIO")]
    pub(in crate::cli) scenario: Option<String>,
    /// Largest number of faults of a plan: 1 tries every fault, 2 every pair of them, too
    #[arg(long, value_name = "K", default_value = "1", value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(in crate::cli) k: u8,
    /// Tries those pairs, too, that others stand for: twice as many, or more
    #[arg(long)]
    pub(in crate::cli) all_pairs: bool,
    /// Number of items of the workload that are kept, the first ones; the number of pairs grows with their square. As many as
    /// the scenario needs if not given: 1 for most
    #[arg(long, value_name = "N")]
    pub(in crate::cli) items: Option<usize>,
    /// The seed that draws the workload, decimal or 0x...; the first from 0 that draws as many items if not given
    #[arg(long, value_name = "S", value_parser = seed)]
    pub(in crate::cli) seed: Option<u64>,
    /// The number of the first plan to run, decimal or 0x..., to go on with a search that was interrupted
    #[arg(long, value_name = "PLAN", value_parser = first_plan, default_value = "1")]
    pub(in crate::cli) from: u64,
    /// Only part i of n of the plans, as in 2/4
    #[arg(long, value_name = "i/n", default_value = "1/1")]
    pub(in crate::cli) shard: Shard,
    #[command(flatten)]
    pub(in crate::cli) without: Without,
    /// Number of runs at a time; one for each core if not given
    #[arg(long, value_name = "J", value_parser = clap::value_parser!(u16).range(1..))]
    pub(in crate::cli) jobs: Option<u16>,
    /// Writes what was found as JSON
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) json: Option<PathBuf>,
    /// Goes on after the first failure
    #[arg(long)]
    pub(in crate::cli) keep_going: bool,
    #[command(flatten)]
    pub(in crate::cli) places: Places,
}
