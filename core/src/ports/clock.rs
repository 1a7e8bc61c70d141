use std::{fmt, ops::Add, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// A moment: microseconds since the Unix epoch, negative before it.
///
/// ```
/// use std::time::Duration;
/// use seaworthy_core::ports::Timestamp;
///
/// let start = Timestamp::from_micros(1_000_000);
/// assert_eq!((start + Duration::from_secs(2)).since(start), Duration::from_secs(2));
/// assert_eq!(start.since(start + Duration::from_secs(2)), Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(0);
    /// Later than every other moment; used where "never" is meant.
    pub const MAX: Self = Self(i64::MAX);

    /// A moment from microseconds since the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// A moment from milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since the Unix epoch, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Time that has passed since `earlier`; zero if `earlier` is later, since clocks may step back.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The moment `duration` before this one, saturating.
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros(duration)))
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    /// Saturates at [`Timestamp::MAX`].
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0.div_euclid(1_000_000), self.0.rem_euclid(1_000_000))
    }
}

/// The process's clock.
///
/// Two processes' clocks may disagree and may step back: compare moments of one clock only. Leases are judged by the
/// store's own clock, never by this one.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The current moment on this process's clock.
    fn now(&self) -> Timestamp;

    /// Waits for at least `duration`. Dropping the future ends the wait.
    async fn sleep(&self, duration: Duration);

    /// Waits as [`Clock::sleep`] does, and says that the caller holds nothing in memory meanwhile: whatever it will do
    /// afterwards shows in a store or a broker already, or is upkeep that nobody waits for. The loops of this crate wait
    /// for work in this way.
    ///
    /// In production there is no difference. A simulation goes on until every [`Clock::sleep`] of a process has led to
    /// nothing, and does not wait for this one. A loop over tables of one's own uses [`Clock::sleep`], unless the
    /// simulation is told by other means what is pending in them.
    async fn idle(&self, duration: Duration) {
        self.sleep(duration).await;
    }
}
