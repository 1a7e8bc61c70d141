use std::env::{self, VarError};

use crate::{hexadecimal, plan::Profile};

/// What the environment says about a check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `SEAWORTHY_SEED`: one seed, and nothing else.
    pub seed: Option<u64>,
    /// `SEAWORTHY_SEEDS`: how many seeds.
    pub seeds: Option<u64>,
    /// `SEAWORTHY_PROFILE`: the profile.
    pub profile: Option<Profile>,
    /// `SEAWORTHY_TABLE`: whether a check that passes prints its table.
    pub table: bool,
}

/// A variable that can't be honoured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}={found:?}: {wanted}")]
pub struct SettingError {
    /// Which variable.
    pub variable: &'static str,
    /// What it holds.
    pub found: String,
    /// What it should.
    pub wanted: String,
}

impl Settings {
    /// Reads the environment of this process.
    ///
    /// # Errors
    /// [`SettingError`]: a setting is honoured or refused, never ignored.
    pub fn from_environment() -> Result<Self, SettingError> {
        Self::from(|variable| match env::var(variable) {
            Ok(value) => Some(value),
            Err(VarError::NotPresent) => None,
            Err(VarError::NotUnicode(value)) => Some(value.to_string_lossy().into_owned()),
        })
    }

    /// Reads variables from anywhere.
    ///
    /// # Errors
    /// As for [`Settings::from_environment`].
    ///
    /// ```
    /// use seaworthy_sim::{check::Settings, plan::Profile};
    ///
    /// let settings = Settings::from(|name| match name {
    ///     "SEAWORTHY_SEED" => Some("0x1f".to_owned()),
    ///     "SEAWORTHY_PROFILE" => Some("crash".to_owned()),
    ///     _ => None,
    /// });
    /// assert_eq!(settings, Ok(Settings { seed: Some(31), profile: Some(Profile::Crash), ..Settings::default() }));
    /// ```
    pub fn from(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingError> {
        const SEED: &str = "SEAWORTHY_SEED";
        const SEEDS: &str = "SEAWORTHY_SEEDS";
        const PROFILE: &str = "SEAWORTHY_PROFILE";
        const TABLE: &str = "SEAWORTHY_TABLE";
        let wrong = |variable, found: String, wanted: &str| SettingError { variable, found, wanted: wanted.to_owned() };
        let seed =
            match variable(SEED) {
                None => None,
                Some(text) => Some(hexadecimal::parse(&text).ok_or_else(|| {
                    wrong(SEED, text, "a seed is a number below 2^64, decimal or hexadecimal with 0x")
                })?),
            };
        let seeds = match variable(SEEDS) {
            None => None,
            Some(text) if seed.is_some() => {
                return Err(wrong(SEEDS, text, "SEAWORTHY_SEED asks for one seed: unset one of the two"));
            }
            Some(text) => match text.parse() {
                Ok(0) => return Err(wrong(SEEDS, text, "zero seeds prove nothing: ask for at least one")),
                Ok(count) => Some(count),
                Err(_) => return Err(wrong(SEEDS, text, "the number of seeds is a whole number from 1")),
            },
        };
        let profile = match variable(PROFILE) {
            None => None,
            Some(text) => Some(text.parse::<Profile>().map_err(|error| wrong(PROFILE, text, &error.to_string()))?),
        };
        let table = match variable(TABLE) {
            None => false,
            Some(text) => match text.as_str() {
                "1" => true,
                "0" | "" => false,
                _ => return Err(wrong(TABLE, text, "1 prints the table, 0 does not")),
            },
        };
        Ok(Self { seed, seeds, profile, table })
    }
}
