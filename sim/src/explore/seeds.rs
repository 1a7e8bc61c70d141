use std::{fmt, str::FromStr, time::Duration};

use crate::plan::derive_seed;

/// Which seeds a sweep runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seeds {
    /// So many, derived from a base seed: each can be replayed alone.
    Count {
        /// The base seed.
        base: u64,
        /// How many runs, over all profiles: they take turns.
        count: u64,
    },
    /// As many as fit into this time on the wall, derived from a base seed.
    For {
        /// The base seed.
        base: u64,
        /// How long.
        duration: Duration,
    },
    /// Exactly these, each under every profile.
    Explicit(Vec<u64>),
}

impl Seeds {
    /// The base seed, where there is one.
    pub fn base(&self) -> Option<u64> {
        match self {
            Self::Count { base, .. } | Self::For { base, .. } => Some(*base),
            Self::Explicit(_) => None,
        }
    }

    /// How many runs there are under `profiles` profiles, where that is known beforehand.
    pub(super) fn runs(&self, profiles: usize) -> Option<u64> {
        match self {
            Self::Count { count, .. } => Some(*count),
            Self::For { .. } => None,
            Self::Explicit(seeds) => Some(seeds.len() as u64 * profiles as u64),
        }
    }

    /// Seed and position of the profile of run `index`, `None` beyond the last.
    pub(super) fn case(&self, index: u64, profiles: usize) -> Option<(u64, usize)> {
        let profiles = profiles as u64;
        let profile = (index % profiles) as usize;
        match self {
            Self::Count { base, count } => (index < *count).then(|| (derive_seed(*base, index), profile)),
            Self::For { base, .. } => Some((derive_seed(*base, index), profile)),
            Self::Explicit(seeds) => {
                let seed = seeds.get(usize::try_from(index / profiles).unwrap_or(usize::MAX))?;
                Some((*seed, profile))
            }
        }
    }
}

/// One part of a sweep that is spread over machines: written `2/4`, the second of four.
///
/// ```
/// use seaworthy_sim::explore::Shard;
///
/// let shard: Shard = "2/4".parse().unwrap();
/// assert_eq!((shard.number(), shard.of()), (2, 4));
/// assert!("5/4".parse::<Shard>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: u64,
    of: u64,
}

impl Shard {
    /// All of it.
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

    /// Which part, from 1.
    pub fn number(self) -> u64 {
        self.number
    }

    /// How many parts there are.
    pub fn of(self) -> u64 {
        self.of
    }

    /// The index, in the whole sweep, of this part's run `turn`.
    pub(super) fn index(self, turn: u64) -> u64 {
        turn.saturating_mul(self.of).saturating_add(self.number - 1)
    }

    /// How many of `runs` are this part's.
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
    /// What was asked for.
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
