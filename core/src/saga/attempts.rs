//! The count of attempts.

use super::{AttemptFailure, step_state::Attempts};
use crate::ports::Timestamp;

/// An attempt that is over, as it was logged.
pub(super) struct FailedAttempt {
    pub(super) attempt: u32,
    pub(super) failure: AttemptFailure,
    pub(super) panicked: bool,
    pub(super) own: bool,
}

impl Attempts {
    /// An attempt begins, or is over that was not announced.
    pub(super) fn begin(&mut self, attempt: u32, at: Timestamp) {
        self.last = attempt;
        self.since.get_or_insert(at);
        self.not_before = None;
    }

    /// An attempt that was announced has its number already.
    pub(super) fn require_next_or_announced(&self, attempt: u32) -> Result<(), &'static str> {
        let is_announced = self.lost > 0 && attempt == self.last;
        if is_announced || attempt == self.last + 1 { Ok(()) } else { Err("attempts are counted without a gap") }
    }

    /// The attempt that began last, or that was not announced, has failed.
    pub(super) fn fail(&mut self, failed: FailedAttempt, at: Timestamp, not_before: Timestamp) {
        let FailedAttempt { attempt, failure, panicked, own } = failed;
        if panicked {
            self.lost += u32::from(attempt != self.last);
        } else {
            self.lost = 0;
        }
        self.begin(attempt, at);
        self.panicked = panicked;
        self.spent += u32::from(failure == AttemptFailure::Transient || panicked);
        self.own += u32::from(own);
        self.not_before = Some(not_before);
    }

    /// An operator gives it fresh budgets.
    pub(super) fn renew(&mut self) {
        self.spent = 0;
        self.own = 0;
        self.lost = 0;
        self.panicked = false;
        self.not_before = None;
    }
}
