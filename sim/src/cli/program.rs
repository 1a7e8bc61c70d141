use std::{ffi::OsString, fmt, path::Path, process::ExitCode};

use clap::{ArgMatches, Command as Clap, CommandFactory, FromArgMatches};

use super::{
    CliError, Exit,
    arguments::{Arguments, Chosen, Command, RunArguments, Without, with_extras},
    diff, exhaust, list,
    offered::{Input, NamedStore},
    replay, run,
    setting::Setting,
    terminal,
};
use crate::{
    catalogue::{Catalogue, Entry},
    scenario::StoreFactory,
};

/// The program, with what it has beyond the commands of [`main`](super::main).
///
/// ```no_run
/// # use seaworthy_sim::{scenario::{Scenario, StoreFactory}};
/// # fn program<Shop: Scenario, Bank: Scenario>(shop: Shop, bank: Bank, sqlite: StoreFactory) -> std::process::ExitCode {
/// use seaworthy_sim::cli::{Exit, Program, clap};
///
/// Program::new()
///     .scenario(shop)
///     .scenario(bank)
///     .store("sqlite", "SQLite, in memory", sqlite)
///     .command(clap::Command::new("serve").about("Serves the shop"), |_| Ok(Exit::Held))
///     .main()
/// # }
/// ```
#[derive(Default)]
#[must_use = "a program does nothing before `main`"]
pub struct Program {
    entries: Vec<Entry>,
    stores: Vec<NamedStore>,
    input: Option<Input>,
    commands: Vec<OwnCommand>,
}

struct OwnCommand {
    command: Clap,
    run: Box<RunCommand>,
}

type RunCommand = dyn Fn(&ArgMatches) -> Result<Exit, CliError>;

impl Program {
    /// A program without scenarios.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a scenario. The first is the one that runs where none is named.
    pub fn scenario(self, scenario: impl Into<Entry>) -> Self {
        self.scenarios([scenario.into()])
    }

    /// Adds scenarios to the program.
    pub fn scenarios(mut self, scenarios: impl IntoIterator<Item = Entry>) -> Self {
        self.entries.extend(scenarios);
        self
    }

    /// Adds a store that `run`, `exhaust` and `replay` take by `--store NAME`.
    pub fn store(mut self, name: &'static str, about: &'static str, factory: StoreFactory) -> Self {
        self.stores.push(NamedStore { name, about, factory });
        self
    }

    /// Gives `run`, `exhaust` and `replay` an option `--OPTION FILE` that takes the workload from a file, instead of drawing it.
    /// `read` makes the scenario of a name with the workload of a file; its error is what the user sees.
    pub fn input(
        mut self,
        option: &'static str,
        about: &'static str,
        read: impl Fn(&Path, &str) -> Result<Entry, CliError> + 'static,
    ) -> Self {
        self.input = Some(Input { option, about, read: Box::new(read) });
        self
    }

    /// Adds a command of your own. An error of `run` is printed to standard error, and the program ends with 2.
    pub fn command(mut self, command: Clap, run: impl Fn(&ArgMatches) -> Result<Exit, CliError> + 'static) -> Self {
        self.commands.push(OwnCommand { command, run: Box::new(run) });
        self
    }

    /// Runs the program with the process's command line. Ends the process where that is wrong or where help is asked for.
    pub fn main(self) -> ExitCode {
        self.run(std::env::args_os()).into()
    }

    /// Runs the program with these arguments, of which the first is its name. Ends the process where they are wrong or
    /// where help is asked for.
    pub fn run(self, arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Exit {
        self.execute(arguments).unwrap_or_else(|error| {
            eprintln!("{} {error}", terminal::error("error:"));
            Exit::WrongUse
        })
    }

    fn execute(self, arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Exit, CliError> {
        let Self { entries, stores, input, commands } = self;
        let catalogue = Catalogue::new(entries)?;
        let own = commands.iter().map(|own| own.command.clone());
        let command = with_extras(Arguments::command(), &stores, input.as_ref()).subcommands(own);
        let matches = match command.try_get_matches_from(arguments) {
            Ok(matches) => matches,
            // A wrong command line ends here, with clap's own message and exit code 2.
            Err(wrong) if wrong.use_stderr() => wrong.exit(),
            Err(help) => {
                let text = help.render();
                match terminal::is_coloured() {
                    true => terminal::print(format_args!("{}", text.ansi())),
                    false => terminal::print(format_args!("{text}")),
                }
                return Ok(Exit::Held);
            }
        };
        if let Some((name, below)) = matches.subcommand()
            && let Some(own) = commands.iter().find(|own| own.command.get_name() == name)
        {
            return (own.run)(below);
        }
        let mut chosen = match matches.subcommand() {
            Some(("run" | "exhaust" | "replay", below)) => Chosen::from_matches(below, &stores, input.as_ref()),
            _ => Chosen::default(),
        };
        let setting = Setting { catalogue, stores, input };
        let Arguments { command, width } = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        chosen.style = terminal::style(width);
        chosen.without = match &command {
            Some(Command::Run(arguments)) => arguments.without.clone(),
            Some(Command::Exhaust(arguments)) => arguments.without.clone(),
            Some(Command::Replay(arguments)) => arguments.without.clone(),
            _ => Without::default(),
        };
        match command {
            None => run::run(&setting, &RunArguments::main_job(), &chosen),
            Some(Command::List) => list::list(&setting.catalogue),
            Some(Command::Run(arguments)) => run::run(&setting, &arguments, &chosen),
            Some(Command::Exhaust(arguments)) => exhaust::exhaust(&setting, &arguments, &chosen),
            Some(Command::Replay(arguments)) => replay::replay(&setting, &arguments, &chosen),
            Some(Command::Diff(arguments)) => diff::diff(&arguments, chosen.style),
        }
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("entries", &self.entries).finish_non_exhaustive()
    }
}
