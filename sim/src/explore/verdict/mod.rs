//! Verdict on a campaign: did it hold, and what is that worth?

mod gap;
mod left_out;
mod reach;
mod warnings;

use std::fmt;

use super::{Campaign, failure_rate_upper_bound};

pub use gap::{Excuse, Gap, Warning};
pub use left_out::LeftOut;

/// Verdict on a campaign: the answer to whether it held, and what that is worth.
#[derive(Clone, Debug, PartialEq)]
pub struct CampaignVerdict {
    /// `true` if no run failed, of the corpus neither, and each plan that was run twice did the same.
    pub held: bool,
    /// `true` if it was stopped from outside before all was run: then it never held, it only did not fail yet.
    pub interrupted: bool,
    /// `true` if two runs of one plan differ.
    pub differs: bool,
    /// Upper bound, with 95% confidence, of the probability that a plan drawn as these were fails.
    pub failure_rate_upper_bound: f64,
    /// Warnings about what makes the campaign prove less than it seems to.
    pub warnings: Vec<Warning>,
    /// Things that were not asked for, because the scenario can't have them.
    pub left_out: Vec<LeftOut>,
}

impl CampaignVerdict {
    /// Returns `true` if the campaign is to pass: nothing failed, it was not interrupted and, if `strict`, no warning
    /// is without an excuse.
    pub fn passes(&self, strict: bool) -> bool {
        self.held && !self.interrupted && !(strict && self.warnings.iter().any(|warning| warning.excuse.is_none()))
    }

    /// Returns `true` if nothing failed and the campaign did all that its profiles can lead to: few runs are no excuse
    /// here.
    pub fn proves(&self) -> bool {
        let tolerated = [Some(Excuse::NarrowProfiles), Some(Excuse::OneWorkload), Some(Excuse::OthersStrike)];
        self.held && self.warnings.iter().all(|warning| tolerated.contains(&warning.excuse))
    }

    /// Returns the outcome in a few words: `held`, `violated`, `interrupted before anything failed`,
    /// `differ when run twice`.
    pub fn outcome(&self) -> &'static str {
        match (self.differs, self.held, self.interrupted) {
            (true, _, _) => "differ when run twice",
            (false, false, _) => "violated",
            (false, true, true) => "interrupted before anything failed",
            (false, true, false) => "held",
        }
    }
}

impl Campaign {
    /// Judges the campaign honestly: also by what it never did.
    pub fn verdict(&self) -> CampaignVerdict {
        let differs = self.difference().is_some();
        let ended = self.failed > 0 || differs;
        CampaignVerdict {
            held: self.failed == 0 && self.corpus.held() && !differs,
            interrupted: self.interrupted && !ended,
            differs,
            failure_rate_upper_bound: failure_rate_upper_bound(self.failed, self.runs),
            warnings: self.warnings(),
            left_out: self.left_out(),
        }
    }
}

impl fmt::Display for CampaignVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = self.failure_rate_upper_bound * 100.0;
        let outcome = self.outcome();
        write!(f, "{outcome}; a plan drawn like these fails with a probability of at most {bound:.3} % (95%)")?;
        self.warnings.iter().try_for_each(|warning| write!(f, "\nwarning: {warning}"))?;
        self.left_out.iter().try_for_each(|left_out| write!(f, "\nnot asked for: {left_out}"))
    }
}
