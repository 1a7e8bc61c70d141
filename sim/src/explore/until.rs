use std::time::Duration;

/// Conditions that end a search, if it does not run out of plans before: the first of these that comes.
///
/// ```
/// use std::time::Duration;
/// use seaworthy_sim::explore::Until;
///
/// let until = Until::time(Duration::from_secs(60)).failures(1);
/// assert_eq!((until.runs, until.failures), (None, Some(1)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Until {
    /// After so many runs over all shards.
    pub runs: Option<u64>,
    /// After so much time on the wall; one run is made in any case.
    pub time: Option<Duration>,
    /// Once so many runs have failed.
    pub failures: Option<u64>,
}

impl Until {
    /// Ends only where there are no more plans.
    pub fn end() -> Self {
        Self::default()
    }

    /// After so many runs, over all profiles and shards.
    pub fn runs(runs: u64) -> Self {
        Self { runs: Some(runs), ..Self::default() }
    }

    /// After so much time on the wall.
    pub fn time(time: Duration) -> Self {
        Self { time: Some(time), ..Self::default() }
    }

    /// Ends also once so many runs have failed.
    #[must_use]
    pub fn failures(self, failures: u64) -> Self {
        Self { failures: Some(failures), ..self }
    }

    /// Returns `true` if it is over where so many runs have begun and failed in so much time.
    pub(super) fn is_reached(&self, begun: u64, failed: u64, elapsed: impl FnOnce() -> Duration) -> bool {
        // One run at least, however short the time: none would prove nothing and look like all the others.
        let out_of_time = self.time.is_some_and(|time| begun > 0 && elapsed() >= time);
        out_of_time || self.has_failed_enough(failed)
    }

    /// Returns `true` if so many failures are enough.
    pub(super) fn has_failed_enough(&self, failed: u64) -> bool {
        self.failures.is_some_and(|wanted| failed >= wanted)
    }
}
