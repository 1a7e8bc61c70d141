use std::path::{Path, PathBuf};

use crate::{
    catalogue::Entry,
    cli::{
        CliError,
        arguments::{self, Chosen, ProfileWord, ReplayArguments},
        setting::Setting,
    },
    files,
    plan::{Profile, scenario_of},
};

/// Subject of a replay: a plan or a seed, and its scenario.
pub(super) struct Subject {
    pub(super) entry: Entry,
    pub(super) what: What,
}

/// Plan or seed that is to be replayed.
pub(super) enum What {
    /// A seed, under each of these profiles.
    Seed { seed: u64, profiles: Vec<Profile> },
    /// A plan file.
    Plan { text: String, path: PathBuf },
}

impl Subject {
    /// Finds the subject that the arguments mean.
    pub(super) fn find(setting: &Setting, arguments: &ReplayArguments, chosen: &Chosen) -> Result<Self, CliError> {
        match arguments::seed(&arguments.what) {
            Ok(seed) => Self::of_seed(setting, seed, arguments, chosen),
            Err(_) => Self::of_file(setting, arguments, chosen),
        }
    }

    fn of_seed(setting: &Setting, seed: u64, arguments: &ReplayArguments, chosen: &Chosen) -> Result<Self, CliError> {
        let name = arguments.scenario.as_deref().unwrap_or(setting.catalogue.first().name());
        let entry = setting.scenario(name, chosen)?;
        let profiles = match &arguments.profiles[..] {
            [] => vec![Profile::default()],
            words => ProfileWord::campaigns(words)?.concat(),
        };
        Ok(Self { entry, what: What::Seed { seed, profiles } })
    }

    fn of_file(setting: &Setting, arguments: &ReplayArguments, chosen: &Chosen) -> Result<Self, CliError> {
        // A setting that can't be honoured is an error, never ignored.
        let profile = (!arguments.profiles.is_empty()).then_some("profile");
        let input = chosen.input.as_ref().map(|(option, _)| *option);
        if let Some(option) = profile.or(input) {
            return Err(format!("--{option} draws the plan of a seed; a plan file has all that it needs").into());
        }
        chosen.without.of_file()?;
        let path = Path::new(&arguments.what);
        if !path.exists() {
            return Err(format!("{:?} is neither a seed nor a file", arguments.what).into());
        }
        let text = files::read(path)?;
        let named = scenario_of(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        let entry = setting.catalogue.find(arguments.scenario.as_deref().unwrap_or(&named))?.clone();
        Ok(Self { entry, what: What::Plan { text, path: path.to_owned() } })
    }
}
