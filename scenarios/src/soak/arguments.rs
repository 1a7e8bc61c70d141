use std::{path::PathBuf, time::Duration};

use clap::{Args, Command};
use seaworthy_sim::cli::{duration, seed};

use crate::serve::SqliteUrl;

/// The command `soak`.
#[derive(Debug, Args)]
pub(super) struct SoakArguments {
    /// The scenario, or a broken twin of it
    #[arg(default_value = "order_fulfillment")]
    pub(super) scenario: String,
    /// The database to begin, as sqlite:FILE; two more files, for shipping and for payments, lie beside it
    #[arg(long, value_name = "sqlite:FILE")]
    pub(super) store: SqliteUrl,
    /// Time in which blows fall, such as 10m; the rest and the audit come after it
    #[arg(long = "for", value_name = "TIME", value_parser = duration, default_value = "10m")]
    pub(super) duration: Duration,
    /// Seed of the orders and of the blows, decimal or 0x...; drawn anew each time if not given
    #[arg(long, value_name = "S", value_parser = seed)]
    pub(super) seed: Option<u64>,
    /// Orders that come in a second, as long as the shop keeps up with them
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(super) rate: u32,
    /// Time for which the services keep what is settled; longer than a fifth of --for, it shows as growth
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "3s")]
    pub(super) keep: Duration,
    /// Claims after which a row goes alone, for tests of what becomes of a setting that can't work
    #[arg(long, hide = true)]
    pub(super) alone_after: Option<u32>,
    /// Writes what was done and found to FILE, as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Writes what the services say at WARN to FILE
    #[arg(long, value_name = "FILE")]
    pub(super) log: Option<PathBuf>,
}

/// Share of the soak for which watermarks are kept. While one is, a message that comes again is known: so it has to be longer
/// than anything is published again, and short enough for as many to go as come in the middle of the last life.
const WATERMARKS_SHARE: u32 = 4;
const WATERMARKS_MIN: Duration = Duration::from_secs(8);

/// Time of a soak for each claim of a row before it is given up, and bounds of their number: the default is the larger one.
const SECONDS_A_CLAIM: u64 = 15;
const CLAIMS_MIN: u64 = 6;
const CLAIMS_MAX: u64 = 30;

impl SoakArguments {
    /// Time for which a watermark is kept.
    pub(super) fn keep_watermarks(&self) -> Duration {
        (self.duration / WATERMARKS_SHARE).max(WATERMARKS_MIN)
    }

    /// Number of claims after which a row goes alone, and after which it is given up. Each of them is a death of the process by
    /// the letter that ends it, and a lease; so a minute has time for a few.
    pub(super) fn relay_claims(&self) -> (u32, u32) {
        let given_up = (self.duration.as_secs() / SECONDS_A_CLAIM).clamp(CLAIMS_MIN, CLAIMS_MAX) as u32;
        (self.alone_after.unwrap_or(given_up / 2), given_up)
    }
}

/// The command as it stands in the program's help.
pub(crate) fn command() -> Command {
    let about =
        "Serves the shop on the real clock and on disk under kills, full and slow disks, wrong clocks and poison";
    SoakArguments::augment_args(Command::new("soak")).about(about)
}

/// The command by which `soak` starts the program again, to have a process that it may kill.
#[derive(Debug, Args)]
pub(super) struct WorkerArguments {
    pub(super) scenario: String,
    #[arg(long)]
    pub(super) store: SqliteUrl,
    #[arg(long)]
    pub(super) keep_ms: u64,
    #[arg(long)]
    pub(super) keep_watermarks_ms: u64,
    /// Claims after which a row goes alone.
    #[arg(long)]
    pub(super) alone_after: u32,
    /// Claims after which it is given up.
    #[arg(long)]
    pub(super) given_up_after: u32,
    /// Time by which its clock is behind.
    #[arg(long)]
    pub(super) behind_ms: u64,
}

/// That command, which the help does not show.
pub(crate) fn worker_command() -> Command {
    WorkerArguments::augment_args(Command::new("soak-worker").hide(true))
}
