use std::path::PathBuf;

use clap::Args;

use super::{ProfileWord, Without};

/// The command `replay`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ReplayArguments {
    /// A seed, decimal or 0x..., or a plan file
    #[arg(value_name = "SEED|PLAN.json")]
    pub(in crate::cli) what: String,
    /// The scenario of a seed; a plan file names its own
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) scenario: Option<String>,
    /// The profiles that draw the plans of a seed; one run under each
    #[arg(long = "profile", value_name = "P", value_delimiter = ',')]
    pub(in crate::cli) profiles: Vec<ProfileWord>,
    #[command(flatten)]
    pub(in crate::cli) without: Without,
    /// Prints the whole trace, or writes it to a file for `diff`
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub(in crate::cli) trace: Option<Option<PathBuf>>,
    /// Prints between the lines of the trace what the processes tell `tracing`: spans that open (>) and close (<), and
    /// events (-), with virtual time
    #[arg(long, requires = "trace")]
    pub(in crate::cli) spans: bool,
    /// Writes the story as a page for a browser, with the whole run; of a run that held, the run
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) html: Option<PathBuf>,
    /// Writes the story as JSON
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) json: Option<PathBuf>,
}
