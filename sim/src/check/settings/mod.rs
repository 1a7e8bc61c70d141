mod variables;

use std::{env, path::PathBuf, time::Duration};

pub use variables::SettingError;
pub(crate) use variables::{FROM, PLAN, PROFILE, SEED, no_base_for, one_trace};

use crate::{explore::Shard, plan::Profile};
use variables::{
    BASE_SEED, BREADCRUMBS, FOR, JSON, KEEP, SEEDS, SHARD, SPANS, TABLE, TRACE, Variables, duration, file, from,
    profiles, seed, seeds, shard, switch,
};

/// Settings of a check that the environment gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// `SEAWORTHY_PLAN`: one plan file, and nothing else.
    pub plan: Option<PathBuf>,
    /// `SEAWORTHY_SEED`: one seed, and nothing else.
    pub seed: Option<u64>,
    /// `SEAWORTHY_SEEDS`: how many seeds.
    pub seeds: Option<u64>,
    /// `SEAWORTHY_FOR`: as many seeds as fit into this time.
    pub duration: Option<Duration>,
    /// `SEAWORTHY_BASE_SEED`: what the seeds derive from.
    pub base_seed: Option<u64>,
    /// `SEAWORTHY_SHARD`: which part of the seeds.
    pub shard: Option<Shard>,
    /// `SEAWORTHY_FROM`: the first plan of a check that exhausts.
    pub from: Option<u64>,
    /// `SEAWORTHY_PROFILE`: the profiles, which take turns.
    pub profiles: Option<Vec<Profile>>,
    /// `SEAWORTHY_TRACE`: where the trace of the one run goes.
    pub trace: Option<TraceTo>,
    /// `SEAWORTHY_SPANS`: whether a printed trace shows what the processes tell `tracing`.
    pub spans: bool,
    /// `SEAWORTHY_JSON`: the file or folder for what was found.
    pub json: Option<PathBuf>,
    /// `SEAWORTHY_KEEP`: whether the plan of a failure goes into the corpus at once.
    pub keep: bool,
    /// `SEAWORTHY_TABLE`: whether a check that passes prints its table.
    pub table: bool,
    /// `SEAWORTHY_BREADCRUMBS`: the folder in which runs are noted while they are under way.
    pub breadcrumbs: Option<PathBuf>,
}

/// Destination of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TraceTo {
    /// Standard output of the test.
    Print,
    /// File at this path, for `diff`.
    File(PathBuf),
}

impl Settings {
    /// Reads the environment of this process.
    ///
    /// # Errors
    /// [`SettingError`]: a setting is honoured or refused, never ignored.
    pub fn from_environment() -> Result<Self, SettingError> {
        Self::from(|variable| env::var_os(variable).map(|value| value.to_string_lossy().into_owned()))
    }

    /// Reads variables from anywhere.
    ///
    /// # Errors
    /// As for [`Settings::from_environment`].
    ///
    /// ```
    /// use seaworthy_sim::{check::Settings, plan::Profile};
    ///
    /// # fn main() -> Result<(), seaworthy_sim::check::SettingError> {
    /// let settings = Settings::from(|name| match name {
    ///     "SEAWORTHY_SEED" => Some("0x1f".to_owned()),
    ///     "SEAWORTHY_PROFILE" => Some("crash,outage".to_owned()),
    ///     _ => None,
    /// })?;
    /// assert_eq!(settings.seed, Some(31));
    /// assert_eq!(settings.profiles, Some(vec![Profile::Crash, Profile::Outage]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn from(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingError> {
        let variables = Variables(&variable);
        // Which of them say the same thing twice, before any is read.
        variables.alone(
            PLAN,
            &[SEED, SEEDS, FOR, BASE_SEED, SHARD, FROM, PROFILE],
            "a plan file has all that it needs",
        )?;
        variables.alone(SEED, &[SEEDS, FOR, BASE_SEED, SHARD, FROM], "it asks for one seed")?;
        variables.alone(SEEDS, &[FOR], "the one counts seeds, the other takes what fits into a time")?;
        let one_run = "a trace is of one run: set SEAWORTHY_PLAN or SEAWORTHY_SEED to say of which";
        if variables.get(PLAN).or(variables.get(SEED)).is_none() {
            variables.refuse(TRACE, one_run)?;
        }
        let settings = Self {
            plan: variables.read(PLAN, file)?,
            seed: variables.read(SEED, seed)?,
            seeds: variables.read(SEEDS, seeds)?,
            duration: variables.read(FOR, duration)?,
            base_seed: variables.read(BASE_SEED, seed)?,
            shard: variables.read(SHARD, shard)?,
            from: variables.read(FROM, from)?,
            profiles: variables.read(PROFILE, profiles)?,
            trace: variables.read(TRACE, TraceTo::parse)?.flatten(),
            spans: variables.read(SPANS, switch)?.unwrap_or_default(),
            json: variables.read(JSON, file)?,
            keep: variables.read(KEEP, switch)?.unwrap_or_default(),
            table: variables.read(TABLE, switch)?.unwrap_or_default(),
            breadcrumbs: variables.read(BREADCRUMBS, file)?,
        };
        if settings.spans && settings.trace != Some(TraceTo::Print) {
            variables
                .refuse(SPANS, "spans stand between the lines of a trace that is printed: set SEAWORTHY_TRACE=1")?;
        }
        Ok(settings)
    }
}

impl TraceTo {
    /// `1` prints, `0` does not, anything else is a file.
    fn parse(text: &str) -> Result<Option<Self>, String> {
        match text {
            "" => Err("1 prints the trace, and anything else is the file that it is written to".to_owned()),
            "0" => Ok(None),
            "1" => Ok(Some(Self::Print)),
            path => Ok(Some(Self::File(path.into()))),
        }
    }
}
