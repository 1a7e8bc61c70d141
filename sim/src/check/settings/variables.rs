use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{explore::Shard, hexadecimal, plan::Profile, values};

pub(crate) const PLAN: &str = "SEAWORTHY_PLAN";
pub(crate) const SEED: &str = "SEAWORTHY_SEED";
pub(super) const SEEDS: &str = "SEAWORTHY_SEEDS";
pub(super) const FOR: &str = "SEAWORTHY_FOR";
pub(super) const BASE_SEED: &str = "SEAWORTHY_BASE_SEED";
pub(super) const SHARD: &str = "SEAWORTHY_SHARD";
pub(crate) const FROM: &str = "SEAWORTHY_FROM";
pub(crate) const PROFILE: &str = "SEAWORTHY_PROFILE";
pub(super) const TRACE: &str = "SEAWORTHY_TRACE";
pub(super) const SPANS: &str = "SEAWORTHY_SPANS";
pub(super) const JSON: &str = "SEAWORTHY_JSON";
pub(super) const KEEP: &str = "SEAWORTHY_KEEP";
pub(super) const BREADCRUMBS: &str = "SEAWORTHY_BREADCRUMBS";
pub(super) const TABLE: &str = "SEAWORTHY_TABLE";

/// A variable that can't be honoured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}={found:?}: {wanted}")]
pub struct SettingError {
    /// Name of the variable.
    pub variable: &'static str,
    /// Value that it has.
    pub found: String,
    /// Value that it should have.
    pub wanted: String,
}

/// Source of the variables.
pub(super) struct Variables<'v>(pub(super) &'v dyn Fn(&str) -> Option<String>);

impl Variables<'_> {
    pub(super) fn get(&self, variable: &str) -> Option<String> {
        (self.0)(variable)
    }

    /// Reads and parses a variable, where it is set.
    pub(super) fn read<T>(
        &self,
        variable: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, SettingError> {
        let Some(found) = self.get(variable) else { return Ok(None) };
        match parse(&found) {
            Ok(value) => Ok(Some(value)),
            Err(wanted) => Err(SettingError { variable, found, wanted }),
        }
    }

    /// Fails where the variable is set.
    pub(super) fn refuse(&self, variable: &'static str, wanted: &str) -> Result<(), SettingError> {
        self.read::<()>(variable, |_| Err(wanted.to_owned()))?;
        Ok(())
    }

    /// Fails where one of `others` is set beside the variable.
    pub(super) fn alone(&self, variable: &str, others: &[&'static str], why: &str) -> Result<(), SettingError> {
        if self.get(variable).is_none() {
            return Ok(());
        }
        let wanted = format!("{variable} is set, and {why}: unset one of the two");
        others.iter().try_for_each(|other| self.refuse(other, &wanted))
    }
}

pub(super) fn seed(text: &str) -> Result<u64, String> {
    let wanted = "a seed is a number below 2^64, decimal or hexadecimal with 0x";
    hexadecimal::parse(text).ok_or_else(|| wanted.to_owned())
}

pub(super) fn seeds(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(0) => Err("zero seeds prove nothing: ask for at least one".to_owned()),
        Ok(count) => Ok(count),
        Err(_) => Err("the number of seeds is a whole number from 1".to_owned()),
    }
}

pub(super) fn from(text: &str) -> Result<u64, String> {
    let wanted = "a plan's number is a whole number from 1, decimal or hexadecimal with 0x";
    hexadecimal::parse(text).filter(|number| *number > 0).ok_or_else(|| wanted.to_owned())
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    values::duration(text)
        .ok_or_else(|| "a time is longer than nothing and has a unit, as in 60s, 5m or 1h30m".to_owned())
}

/// Only parts of the same seeds make up a whole.
pub(crate) fn no_base_for(shard: Shard) -> SettingError {
    let wanted = "the parts of one whole need one base seed: set SEAWORTHY_BASE_SEED, too";
    SettingError { variable: SHARD, found: shard.to_string(), wanted: wanted.to_owned() }
}

/// A trace file holds one run.
pub(crate) fn one_trace(path: &Path) -> SettingError {
    let wanted =
        "a trace file holds one run: name one profile by SEAWORTHY_PROFILE, or print the traces by SEAWORTHY_TRACE=1";
    SettingError { variable: TRACE, found: path.display().to_string(), wanted: wanted.to_owned() }
}

pub(super) fn shard(text: &str) -> Result<Shard, String> {
    text.parse().map_err(|_| "a shard is i/n with 1 <= i <= n, as in 2/4".to_owned())
}

pub(super) fn profiles(text: &str) -> Result<Vec<Profile>, String> {
    if text == "all" {
        return Ok(Profile::ALL.to_vec());
    }
    let profiles: Result<Vec<Profile>, _> = text.split(',').map(str::parse).collect();
    profiles.map_err(|error| format!("{error}; several take turns, as in crash,outage, and `all` is all of them"))
}

pub(super) fn file(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("a path is not empty".to_owned()) } else { Ok(text.into()) }
}

pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "1" => Ok(true),
        "0" | "" => Ok(false),
        _ => Err("1 is yes, 0 is no".to_owned()),
    }
}
