use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser};

use super::{Places, ProfileWord, Without, duration, seed};
use crate::explore::Shard;

/// The command `run`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RunArguments {
    /// The scenarios, as `list` shows them, or all of a family, as `controls/`; the first if none is named, and of several a
    /// table is printed
    #[arg(value_name = "SCENARIO", value_delimiter = ',')]
    pub(in crate::cli) scenarios: Vec<String>,
    /// Number of seeds, of each campaign where there are several
    #[arg(long, value_name = "N", conflicts_with_all = ["seed", "duration"])]
    pub(in crate::cli) seeds: Option<u64>,
    /// One seed only, decimal or 0x...
    #[arg(long, value_name = "S", value_parser = seed, conflicts_with = "duration")]
    pub(in crate::cli) seed: Option<u64>,
    /// As many seeds as fit into this time, such as 60s or 5m
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(in crate::cli) duration: Option<Duration>,
    /// Base that the seeds derive from; drawn anew each time if not given
    #[arg(long, value_name = "B", value_parser = seed, conflicts_with = "seed")]
    pub(in crate::cli) base_seed: Option<u64>,
    /// Profiles of faults: calm, crash, duplicate, outage, rejection, lost-reply, latency, clock, everything or swarm;
    /// several take turns, `all` is all ten taking turns, and `each` is a campaign for each of the ten
    #[arg(long = "profile", value_name = "P", value_delimiter = ',', default_value = "swarm")]
    pub(in crate::cli) profiles: Vec<ProfileWord>,
    #[command(flatten)]
    pub(in crate::cli) without: Without,
    /// Number of runs at a time; one for each core if not given
    #[arg(long, value_name = "J", value_parser = clap::value_parser!(u16).range(1..))]
    pub(in crate::cli) jobs: Option<u16>,
    /// Only part i of n of the seeds, as in 2/4; needs --base-seed, so that all parts are parts of one whole
    #[arg(long, value_name = "i/n", default_value = "1/1", conflicts_with = "seed")]
    pub(in crate::cli) shard: Shard,
    /// Writes what was found as JSON; a list of it where there are several campaigns
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) json: Option<PathBuf>,
    /// Fails, too, if the campaign proves less than it seems to: a warning is then an error, also where it may be due to
    /// chance because there were few runs
    #[arg(long)]
    pub(in crate::cli) strict: bool,
    /// Goes on after the first failure
    #[arg(long)]
    pub(in crate::cli) keep_going: bool,
    #[command(flatten)]
    pub(in crate::cli) places: Places,
}

impl RunArguments {
    /// Returns the arguments of a run where nothing is asked for.
    pub(in crate::cli) fn main_job() -> Self {
        #[derive(Parser)]
        struct Alone {
            #[command(flatten)]
            run: RunArguments,
        }
        Alone::parse_from(["run", "--for", "5s"]).run
    }
}
