//! The command line.

mod exhaust;
mod extras;
mod places;
mod profiles;
mod replay;
mod run;
mod without;

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};

pub(super) use exhaust::ExhaustArguments;
pub(super) use extras::{Chosen, with_extras};
pub(super) use places::Places;
pub(super) use profiles::ProfileWord;
pub(super) use replay::ReplayArguments;
pub(super) use run::RunArguments;
pub(super) use without::Without;

use crate::{hexadecimal, story::Style, values};

/// Is your saga seaworthy? Runs workflows of sagas, outboxes and inboxes through crashes, duplicates, outages, rejections
/// and lost replies, in virtual time, and judges what became of them.
///
/// Without a command it runs the first scenario for five seconds.
#[derive(Debug, Parser)]
#[command(name = "seaworthy", version, after_help = EXIT_CODES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    /// Number of columns of stories; the environment variable COLUMNS, else the terminal's if not given
    #[arg(long, global = true, value_name = "N", value_parser = width)]
    pub(super) width: Option<usize>,
}

const EXIT_CODES: &str = "Exit codes: 0 held, 1 violated, 2 wrong use, 130 interrupted with nothing violated so far.";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lists the scenarios
    List,
    /// Runs scenarios under many seeds
    Run(RunArguments),
    /// Tries every fault that can strike a small workload, and every pair of them
    Exhaust(ExhaustArguments),
    /// Runs one seed or one plan file again and tells what happened
    Replay(ReplayArguments),
    /// Shows the first place at which two trace files differ, side by side
    Diff(DiffArguments),
}

/// The command `diff`.
#[derive(Debug, Args)]
pub(super) struct DiffArguments {
    /// A trace file, as `replay --trace=FILE` writes it
    #[arg(value_name = "A")]
    pub(super) left: PathBuf,
    /// The other one
    #[arg(value_name = "B")]
    pub(super) right: PathBuf,
}

fn width(text: &str) -> Result<usize, String> {
    let least = Style::WIDTH_MIN;
    let columns = text.parse().map_err(|_| format!("{text:?} is no number of columns: write one from {least}"))?;
    if columns < least {
        return Err(format!("a story needs {least} columns at least"));
    }
    Ok(columns)
}

/// An argument that is not written as it has to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentError {
    /// A seed was asked for.
    #[error("{0:?} is no seed: write a number from 0 to 2^64 - 1, decimal or 0x...")]
    Seed(String),
    /// A duration was asked for.
    #[error("{0:?} is no time: write 60s, 5m or 1h30m")]
    Duration(String),
}

/// Reads a seed, decimal or hexadecimal: for an argument of a command of your own.
///
/// # Errors
/// [`ArgumentError::Seed`], which says how to write one.
pub fn seed(text: &str) -> Result<u64, ArgumentError> {
    hexadecimal::parse(text).ok_or_else(|| ArgumentError::Seed(text.to_owned()))
}

/// Reads a duration, such as `60s`, `5m` or `1h30m`: for an argument of a command of your own.
///
/// # Errors
/// [`ArgumentError::Duration`], which says how to write one.
pub fn duration(text: &str) -> Result<Duration, ArgumentError> {
    values::duration(text).ok_or_else(|| ArgumentError::Duration(text.to_owned()))
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
        for wrong in ["-1", "plan.json"] {
            assert_eq!(seed(wrong), Err(ArgumentError::Seed(wrong.to_owned())));
        }
    }
}
