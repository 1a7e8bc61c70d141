use std::time::Duration;

use crate::ports::Timestamp;

/// Time that a claim has left, against what a batch of the same pass has taken: beyond its lease another relay may have the rows
/// and publish them once more, and where a broker is slow that makes it slower yet.
pub(super) struct LeaseBudget {
    lease: Duration,
    started: Timestamp,
    /// Moment of the last question.
    last: Option<Timestamp>,
    longest: Duration,
}

impl LeaseBudget {
    pub(super) fn new(started: Timestamp, lease: Duration) -> Self {
        Self { lease, started, last: None, longest: Duration::ZERO }
    }

    /// Returns when the claim began.
    pub(super) fn started(&self) -> Timestamp {
        self.started
    }

    /// Returns `true` while calls of the store, of which one has taken as long as the claim has been held, are short against the lease.
    pub(super) fn is_ample(&self, now: Timestamp) -> bool {
        now.since(self.started) < self.lease / 8
    }

    /// Returns `true` if a batch that begins `now` can be expected to be settled within the lease.
    pub(super) fn has_time(&mut self, now: Timestamp) -> bool {
        // What claiming took says nothing of a batch.
        let took = self.last.replace(now).map_or(Duration::ZERO, |last| now.since(last));
        self.longest = self.longest.max(took);
        now.since(self.started) + self.longest < self.lease
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_begins_where_the_longest_so_far_would_end_within_the_lease() {
        let at = |ms| Timestamp::EPOCH + Duration::from_millis(ms);
        let mut budget = LeaseBudget::new(at(0), Duration::from_millis(100));
        assert!(budget.has_time(at(10)), "claiming took 10 ms");
        assert!(budget.has_time(at(40)), "a batch of 30 ms, and 60 ms are left");
        assert!(budget.has_time(at(50)), "as long as the longest of them");
        assert!(!budget.has_time(at(70)), "the longest of them would end when the lease does");
        let mut budget = LeaseBudget::new(at(0), Duration::from_millis(100));
        assert!(budget.has_time(at(90)), "the first one always begins, however long claiming took");
        let mut budget = LeaseBudget::new(at(7), Duration::from_millis(100));
        assert_eq!(budget.started(), at(7), "the limit of whatever settles its rows counts from then");
        assert!(budget.has_time(at(106)), "and so does its lease");
        let mut budget = LeaseBudget::new(at(0), Duration::from_millis(100));
        assert!(!budget.has_time(at(100)), "but beyond the lease nobody does");
        let budget = LeaseBudget::new(at(0), Duration::from_millis(100));
        assert_eq!([12, 13].map(|ms| budget.is_ample(at(ms))), [true, false], "an eighth of the lease, and more");
    }
}
