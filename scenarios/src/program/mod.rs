//! Command line, exit codes, and what is printed.
//!
//! Exit codes: 0 everything held; 1 an invariant was violated, or two traces differ, or (with `--strict`) a campaign
//! proves less than it seems to; 2 the program was used wrongly; 130 interrupted before anything was violated.

#[macro_use]
mod terminal;
mod arguments;
mod diff;
mod failure;
mod files;
mod interrupt;
mod list;
mod progress;
mod replay;
mod run;
mod serve;
mod summary;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command, RunArguments};

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    Held,
    Violated,
    WrongUse,
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Held => Self::SUCCESS,
            Exit::Violated => Self::from(1),
            Exit::WrongUse => Self::from(2),
            Exit::Interrupted => Self::from(130),
        }
    }
}

/// What went wrong before anything could be judged: one message, for standard error.
type Failure = Box<dyn std::error::Error>;

pub(crate) fn main() -> ExitCode {
    // A wrong command line ends here, with clap's own message and exit code 2.
    let arguments = Arguments::parse();
    let done = match arguments.command {
        None => run::run(&RunArguments::main_job()),
        Some(Command::List) => list::list(),
        Some(Command::Run(arguments)) => run::run(&arguments),
        Some(Command::Replay(arguments)) => replay::replay(&arguments),
        Some(Command::Serve(arguments)) => serve::serve(&arguments),
        Some(Command::Diff(arguments)) => diff::diff(&arguments),
    };
    match done {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("{} {error}", terminal::error("error:"));
            Exit::WrongUse.into()
        }
    }
}
