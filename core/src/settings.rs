//! Settings that are checked before anything works by them.
//!
//! Each configuration has a `check`, to be called where its values come from outside. What works by it asks as well,
//! when it begins, and ends at once with what is wrong in the log, rather than to run and do nothing.

use std::{fmt, time::Duration};

/// A setting by which nothing would work. Its text says which, and what to change.
///
/// ```
/// use seaworthy_core::outbox::RelayConfig;
///
/// let refused = RelayConfig::default().batch(0).check().unwrap_err();
/// assert_eq!(
///     refused.to_string(),
///     "RelayConfig::batch is 0: a relay that claims no rows publishes nothing, so set it to 1 or more",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{settings}::{name} is {value}: {cure}")]
#[non_exhaustive]
pub struct InvalidSetting {
    /// Type of the settings.
    pub settings: &'static str,
    /// Name of the setting.
    pub name: &'static str,
    /// Value that it has.
    pub value: String,
    /// Reason why that can't work, and what to change.
    pub cure: String,
}

/// Checks of the settings of one type, one after the other: what a `check` is made of.
///
/// ```
/// use std::time::Duration;
/// use seaworthy_core::settings::Checks;
///
/// let checks = Checks::new("PumpConfig");
/// assert_eq!(checks.positive("strokes", 3, "a pump that does not move pumps nothing"), Ok(()));
/// assert!(checks.lasting("stroke", Duration::ZERO, "it would never rest").is_err());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Checks {
    settings: &'static str,
}

impl Checks {
    /// Checks of a type, by its name.
    pub const fn new(settings: &'static str) -> Self {
        Self { settings }
    }

    /// Checks that a number is not zero. `reason` says what zero would mean.
    ///
    /// # Errors
    /// [`InvalidSetting`] if it is.
    pub fn positive(
        self,
        name: &'static str,
        value: impl TryInto<u64>,
        reason: &'static str,
    ) -> Result<(), InvalidSetting> {
        // What is too large for the type is no zero.
        let is_zero = value.try_into().is_ok_and(|value| value == 0);
        self.hold(!is_zero, name, 0, format_args!("{reason}, so set it to 1 or more"))
    }

    /// Checks that a duration is not zero. `reason` says what zero would mean.
    ///
    /// # Errors
    /// [`InvalidSetting`] if it is.
    pub fn lasting(self, name: &'static str, value: Duration, reason: &'static str) -> Result<(), InvalidSetting> {
        let cure = format_args!("{reason}, so set it to a duration that is longer than nothing");
        self.hold(!value.is_zero(), name, format_args!("{value:?}"), cure)
    }

    /// Checks anything else: that what `value` says does `hold`.
    ///
    /// # Errors
    /// [`InvalidSetting`] with the cure if it does not.
    pub fn hold(
        self,
        hold: bool,
        name: &'static str,
        value: impl fmt::Display,
        cure: impl fmt::Display,
    ) -> Result<(), InvalidSetting> {
        if hold {
            return Ok(());
        }
        Err(InvalidSetting { settings: self.settings, name, value: value.to_string(), cure: cure.to_string() })
    }
}
