//! The whole program for scenarios of your own, as the `main` of a program of yours.
//!
//! ```no_run
//! # use seaworthy_sim::{invariants::Invariant, scenario::{Client, Draw, Scenario, Topology, Workload}};
//! # #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)] struct Items(Vec<u32>);
//! # impl Workload for Items {
//! #     fn len(&self) -> usize { self.0.len() }
//! #     fn without(&self, range: std::ops::Range<usize>) -> Self { let mut few = self.clone(); few.0.drain(range); few }
//! # }
//! # struct Shop; struct Bank;
//! # macro_rules! scenario { ($name:ident) => { #[async_trait::async_trait] impl Scenario for $name {
//! #     type Workload = Items;
//! #     fn name(&self) -> &str { stringify!($name) }
//! #     fn about(&self) -> &str { "sells" }
//! #     fn topology(&self) -> Topology { Topology::new() }
//! #     fn workload(&self, _: &mut Draw) -> Items { Items(Vec::new()) }
//! #     fn invariants(&self, _: &Items) -> Vec<Box<dyn Invariant>> { Vec::new() }
//! #     async fn drive(&self, _: &Items, _: Client) {}
//! # } } }
//! # scenario!(Shop); scenario!(Bank);
//! fn main() -> std::process::ExitCode {
//!     seaworthy_sim::cli::main([Shop.into(), Bank.into()])
//! }
//! ```
//!
//! That program has the commands `list`, `run`, `exhaust`, `replay` and `diff`, with sweeps by number of seeds or by time, shards,
//! JSON, tables, stories, traces and spans; `--help` says the rest. [`Program`] adds stores, an option that reads the
//! workload from a file, and commands of your own. Build it with `--release`, and with an allocator that is quick with
//! small pieces, such as `mimalloc`: a run makes some thousand.
//!
//! Exit codes: 0 everything held; 1 an invariant was violated, or two traces differ, or (with `--strict`) a campaign
//! proves less than it seems to, or a plan of a file strikes nothing any more; 2 the program was used wrongly, or a file
//! could not be written; 130 interrupted before anything was violated. A violation counts for more than a file: it is told,
//! and the code is 1, whatever file it was.

#[macro_use]
mod macros;
pub mod terminal;

mod arguments;
mod diff;
mod exhaust;
mod interrupt;
mod invocation;
mod list;
mod offered;
mod program;
mod progress;
mod replay;
mod run;
mod setting;
mod summary;

use std::process::ExitCode;

pub use arguments::{ArgumentError, duration, seed};
pub use clap;
pub use program::Program;

use crate::catalogue::Entry;

/// Exit status of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// Everything held: exit code 0.
    Held,
    /// Something did not hold, or two traces differ: exit code 1.
    Violated,
    /// The program was used wrongly: 2.
    WrongUse,
    /// Interrupted before anything was violated: 130.
    Interrupted,
}

impl Exit {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Held => 0,
            Self::Violated => 1,
            Self::WrongUse => 2,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// Error before anything could be judged: one message, for standard error.
pub type CliError = Box<dyn std::error::Error>;

/// The whole program over these scenarios, of which the first is the one that runs where none is named.
///
/// Reads the process's command line, and ends the process where that is wrong or where help is asked for.
pub fn main(scenarios: impl IntoIterator<Item = Entry>) -> ExitCode {
    Program::new().scenarios(scenarios).main()
}
