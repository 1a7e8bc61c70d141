use std::{path::PathBuf, str::FromStr, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::SignedDuration;
use seaworthy_sim::{explore::Shard, plan::Profile};

/// Is your saga seaworthy? Runs workflows of sagas, outboxes and inboxes through crashes, duplicates, outages, rejections
/// and lost replies, in virtual time, and judges what became of them.
///
/// Without a command it runs order_fulfillment for five seconds.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

const EXIT_CODES: &str = "Exit codes: 0 held, 1 violated, 2 wrong use, 130 interrupted with nothing violated so far.";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lists the scenarios, right and broken on purpose
    List,
    /// Runs a scenario under many seeds
    Run(RunArguments),
    /// Runs one seed or one plan file again and tells what happened
    Replay(ReplayArguments),
    /// Runs the scenario's own processes without simulation: SQLite on disk, tokio, orders from a file
    Serve(ServeArguments),
    /// Shows the first place at which two trace files differ, side by side
    Diff(DiffArguments),
}

/// `seaworthy run`.
#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// The scenario, as listed by `seaworthy list`
    #[arg(default_value = "order_fulfillment")]
    pub(super) scenario: String,
    /// How many seeds
    #[arg(long, value_name = "N", conflicts_with_all = ["seed", "duration"])]
    pub(super) seeds: Option<u64>,
    /// One seed only, decimal or 0x...
    #[arg(long, value_name = "S", value_parser = seed, conflicts_with = "duration")]
    pub(super) seed: Option<u64>,
    /// As many seeds as fit into this time, such as 60s or 5m
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(super) duration: Option<Duration>,
    /// What the seeds derive from; drawn anew each time if not given
    #[arg(long, value_name = "B", value_parser = seed, conflicts_with = "seed")]
    pub(super) base_seed: Option<u64>,
    /// Which faults: calm, crash, duplicate, outage, rejection, lost-reply, latency, clock, everything or swarm; several
    /// take turns
    #[arg(long = "profile", value_name = "P", value_delimiter = ',', default_value = "swarm")]
    pub(super) profiles: Vec<Profile>,
    /// How many runs at a time; one for each core if not given
    #[arg(long, value_name = "J", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) jobs: Option<u16>,
    /// Takes the orders from a CSV file with the columns date,customer,quantity,amount_usd, instead of drawing them
    #[arg(long, value_name = "FILE")]
    pub(super) orders: Option<PathBuf>,
    /// Only part i of n of the seeds, as in 2/4; needs --base-seed, so that all parts are parts of one whole
    #[arg(long, value_name = "i/n", default_value = "1/1", conflicts_with = "seed")]
    pub(super) shard: Shard,
    /// Writes what was found as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Fails, too, if the campaign proves less than it seems to: a warning is then an error, also where it may be due to
    /// chance because there were few runs
    #[arg(long)]
    pub(super) strict: bool,
    /// Goes on after the first failure
    #[arg(long)]
    pub(super) keep_going: bool,
    /// The store under the services
    #[arg(long, value_enum, default_value_t)]
    pub(super) store: StoreKind,
    /// Where plans of failures are kept
    #[arg(long, value_name = "DIR", default_value = "seaworthy-plans")]
    pub(super) plans: PathBuf,
}

impl RunArguments {
    /// What runs where nothing is asked for.
    pub(super) fn main_job() -> Self {
        #[derive(Parser)]
        struct Alone {
            #[command(flatten)]
            run: RunArguments,
        }
        Alone::parse_from(["run", "--for", "5s"]).run
    }
}

/// `seaworthy replay`.
#[derive(Debug, Args)]
pub(super) struct ReplayArguments {
    /// A seed, decimal or 0x..., or a plan file
    #[arg(value_name = "SEED|PLAN.json")]
    pub(super) what: String,
    /// The scenario of a seed; a plan file names its own
    #[arg(long, value_name = "NAME")]
    pub(super) scenario: Option<String>,
    /// The profile that draws the plan of a seed
    #[arg(long, value_name = "P")]
    pub(super) profile: Option<Profile>,
    /// Takes the orders of a seed from a CSV file
    #[arg(long, value_name = "FILE")]
    pub(super) orders: Option<PathBuf>,
    /// Prints the whole trace, or writes it to a file for `seaworthy diff`
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub(super) trace: Option<Option<PathBuf>>,
    /// Prints between the lines of the trace what the processes tell `tracing`: spans that open (>) and close (<), and
    /// events (-), with virtual time
    #[arg(long, requires = "trace")]
    pub(super) spans: bool,
    /// The store under the services
    #[arg(long, value_enum, default_value_t)]
    pub(super) store: StoreKind,
}

/// `seaworthy serve`.
#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    /// The scenario, or a broken twin of it
    #[arg(default_value = "order_fulfillment")]
    pub(super) scenario: String,
    /// The database, as sqlite:FILE; two more files, for shipping and for payments, lie beside it
    #[arg(long, value_name = "sqlite:FILE")]
    pub(super) store: SqliteUrl,
    /// The orders, a CSV file with the columns date,customer,quantity,amount_usd
    #[arg(long, value_name = "FILE")]
    pub(super) orders: PathBuf,
    /// Only the first N orders
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<usize>,
}

/// `sqlite:FILE`.
#[derive(Clone, Debug)]
pub(super) struct SqliteUrl(pub(super) PathBuf);

impl FromStr for SqliteUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = text.strip_prefix("sqlite:").filter(|path| !path.is_empty());
        path.map(|path| Self(path.into())).ok_or_else(|| format!("{text:?} is no store: write sqlite:FILE"))
    }
}

/// `seaworthy diff`.
#[derive(Debug, Args)]
pub(super) struct DiffArguments {
    /// A trace file, as `seaworthy replay --trace=FILE` writes it
    #[arg(value_name = "A")]
    pub(super) left: PathBuf,
    /// The other one
    #[arg(value_name = "B")]
    pub(super) right: PathBuf,
}

/// Which store is under the services.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum StoreKind {
    /// The simulated one
    #[default]
    Memory,
    /// SQLite, in memory
    Sqlite,
}

/// A seed, decimal or hexadecimal.
pub(super) fn seed(text: &str) -> Result<u64, String> {
    let number = match text.strip_prefix("0x") {
        Some(hexadecimal) => u64::from_str_radix(hexadecimal, 16),
        None => text.parse(),
    };
    number.map_err(|_| format!("{text:?} is no seed: write a number from 0 to 2^64 - 1, decimal or 0x..."))
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok());
    parsed.filter(|duration| !duration.is_zero()).ok_or_else(|| format!("{text:?} is no time: write 60s, 5m or 1h30m"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
        assert_eq!(RunArguments::main_job().duration, Some(Duration::from_secs(5)));
    }

    #[test]
    fn seeds_are_decimal_or_hexadecimal() {
        assert_eq!(seed("255"), Ok(255));
        assert_eq!(seed("0xff"), Ok(255));
        assert!(seed("-1").is_err());
        assert!(seed("plan.json").is_err());
    }

    #[test]
    fn a_time_needs_a_unit_and_is_not_zero() {
        assert_eq!(duration("60s"), Ok(Duration::from_secs(60)));
        for wrong in ["60", "0s", "-5s", "soon"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
