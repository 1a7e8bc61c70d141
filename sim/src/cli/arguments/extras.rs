use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, builder::PossibleValue, parser::ValueSource};

use super::Without;
use crate::{
    cli::offered::{Input, NamedStore},
    scenario::StoreFactory,
    story::Style,
};

/// Name of the simulated store among a program's own.
const SIMULATED: &str = "memory";

/// Adds the options `--store` and the one of the input to `run`, `exhaust` and `replay`, where the program has stores or an input.
pub(in crate::cli) fn with_extras(command: Command, stores: &[NamedStore], input: Option<&Input>) -> Command {
    let extend = |mut command: Command| {
        if !stores.is_empty() {
            let simulated =
                PossibleValue::new(SIMULATED).help("The scenario's own; the simulated one where it has none");
            let own = stores.iter().map(|store| PossibleValue::new(store.name).help(store.about));
            let values: Vec<PossibleValue> = [simulated].into_iter().chain(own).collect();
            command = command.arg(
                Arg::new("store")
                    .long("store")
                    .value_name("STORE")
                    .value_parser(values)
                    .default_value(SIMULATED)
                    .help("The store under the services"),
            );
        }
        if let Some(input) = input {
            let parser = clap::value_parser!(PathBuf);
            let option = Arg::new("input").long(input.option).value_name("FILE").value_parser(parser).help(input.about);
            command = command.arg(option);
        }
        command
    };
    ["run", "exhaust", "replay"].into_iter().fold(command, |command, name| command.mut_subcommand(name, extend))
}

/// Choices made by those options, for all commands.
#[derive(Clone, Default)]
pub(in crate::cli) struct Chosen {
    /// One of the program's own stores; `None` for the simulated one.
    pub(in crate::cli) store: Option<(&'static str, StoreFactory)>,
    /// Style in which stories are printed.
    pub(in crate::cli) style: Style,
    /// `true` if the store was named, be it the simulated one.
    pub(in crate::cli) store_said: bool,
    /// Names of what is left out.
    pub(in crate::cli) without: Without,
    /// The input's option and file.
    pub(in crate::cli) input: Option<(&'static str, PathBuf)>,
}

impl Chosen {
    /// Reads them from what was parsed for one of these commands.
    pub(in crate::cli) fn from_matches(matches: &ArgMatches, stores: &[NamedStore], input: Option<&Input>) -> Self {
        let named = |name: &String| stores.iter().find(|store| store.name == *name);
        let store = if stores.is_empty() { None } else { matches.get_one::<String>("store").and_then(named) };
        let file = |input: &Input| Some((input.option, matches.get_one::<PathBuf>("input")?.clone()));
        let store_said = !stores.is_empty() && matches.value_source("store") == Some(ValueSource::CommandLine);
        let store = store.map(|store| (store.name, store.factory.clone()));
        let without = Without::default();
        Self { store, style: Style::default(), store_said, without, input: input.and_then(file) }
    }
}
