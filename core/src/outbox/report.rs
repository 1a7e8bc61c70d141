use crate::ports::SettleOutcome;

/// Report of one pass of a relay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PassReport {
    /// Number of rows that it claimed.
    pub claimed: usize,
    /// Rows that the broker acknowledged, and those that had expired before.
    pub dispatched: usize,
    /// Rows that had [expired](crate::message::Schedule::expires): they were not published, and count as dispatched.
    pub expired: usize,
    /// Rows that failed and wait for their next attempt.
    pub retried: usize,
    /// Rows given back untried, or because their topic can't be reached.
    pub released: usize,
    /// Rows given up.
    pub dead: usize,
    /// Rows that the claim did not hold any more when they were to be settled: the pass took longer than the lease, or
    /// an earlier try to settle them had gone through unnoticed.
    pub lost: usize,
    /// `true` if it claimed as many rows as it may, so that there are probably more.
    pub full: bool,
}

impl PassReport {
    /// Returns `true` if another pass should follow at once: something moved, or there is more.
    pub fn wants_more(&self) -> bool {
        self.full || self.dispatched + self.dead > 0
    }

    pub(super) fn count(&mut self, outcome: &SettleOutcome, held: bool) {
        let counter = match outcome {
            _ if !held => &mut self.lost,
            SettleOutcome::Dispatched => &mut self.dispatched,
            SettleOutcome::Retry { .. } => &mut self.retried,
            SettleOutcome::Release { .. } => &mut self.released,
            SettleOutcome::Dead { .. } => &mut self.dead,
        };
        *counter += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn another_pass_follows_at_once_where_something_moved_or_there_is_more() {
        let wants = |report: PassReport| report.wants_more();
        assert!(wants(PassReport { full: true, ..PassReport::default() }));
        assert!(wants(PassReport { dispatched: 1, ..PassReport::default() }));
        assert!(wants(PassReport { dead: 1, ..PassReport::default() }));
        let stuck = PassReport { claimed: 3, retried: 1, released: 1, lost: 1, ..PassReport::default() };
        assert!(!wants(stuck), "rows that wait are due when they are, and not now");
        assert!(!wants(PassReport::default()));
    }

    #[test]
    fn each_row_is_counted_by_what_became_of_it_and_one_that_was_lost_by_nothing_else() {
        let outcomes = [
            SettleOutcome::Dispatched,
            SettleOutcome::Retry { error: "late".into(), delay: Duration::ZERO },
            SettleOutcome::Release { delay: Duration::ZERO },
            SettleOutcome::Dead { reason: "refused".into() },
        ];
        let mut report = PassReport::default();
        for outcome in &outcomes {
            report.count(outcome, true);
            report.count(outcome, false);
        }
        let counted = PassReport { dispatched: 1, retried: 1, released: 1, dead: 1, lost: 4, ..PassReport::default() };
        assert_eq!(report, counted);
    }
}
