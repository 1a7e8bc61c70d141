use std::{fmt, str::FromStr};

/// Shard of a sweep that is spread over machines: written `2/4`, the second of four.
///
/// ```
/// use seaworthy_sim::explore::Shard;
///
/// let shard: Shard = "2/4".parse().unwrap();
/// assert_eq!((shard.number(), shard.parts()), (2, 4));
/// assert!("5/4".parse::<Shard>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: u64,
    of: u64,
}

impl Shard {
    /// Whole sweep as one shard.
    pub const WHOLE: Self = Self { number: 1, of: 1 };

    /// Part `number` of `of`, counted from 1.
    ///
    /// # Errors
    /// [`ShardError`] unless `1 <= number <= of`.
    pub fn new(number: u64, of: u64) -> Result<Self, ShardError> {
        if (1..=of).contains(&number) {
            Ok(Self { number, of })
        } else {
            Err(ShardError { found: format!("{number}/{of}") })
        }
    }

    /// Returns the number of this part, from 1.
    pub fn number(self) -> u64 {
        self.number
    }

    /// Returns the number of parts.
    pub fn parts(self) -> u64 {
        self.of
    }

    /// The index, in the whole sweep, of this part's run `turn`.
    pub(super) fn index(self, turn: u64) -> u64 {
        turn.saturating_mul(self.of).saturating_add(self.number - 1)
    }

    /// Returns the number of those of `runs` that are this part's.
    pub(super) fn share(self, runs: u64) -> u64 {
        runs.saturating_add(self.of - self.number) / self.of
    }
}

impl Default for Shard {
    fn default() -> Self {
        Self::WHOLE
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// A shard that there can't be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no shard: write i/n with 1 <= i <= n, as in 2/4")]
pub struct ShardError {
    /// Text that was given.
    pub found: String,
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        let (number, of) = parts.ok_or_else(|| ShardError { found: text.to_owned() })?;
        Self::new(number, of).map_err(|_| ShardError { found: text.to_owned() })
    }
}
