use smol_str::SmolStr;

use super::{Campaign, tally::tally};
use crate::{
    invariants::{Judged, Mode},
    world::RunReport,
};

/// Judgements of the invariants of one run after another, added up.
///
/// All runs of a scenario have the same invariants in the same order, as a rule: so they are added up by their place, and
/// their names are looked up once for many runs.
#[derive(Debug, Default)]
pub(in crate::explore) struct Judgements(Vec<Sum>);

#[derive(Debug)]
struct Sum {
    judged: Judged,
    /// Runs in which it had something to judge.
    runs: u64,
}

impl Judgements {
    /// Of one run.
    pub(in crate::explore) fn from_report(report: &RunReport) -> Self {
        let sum = |judged: &Judged| Sum { judged: judged.clone(), runs: u64::from(judged.times > 0) };
        Self(report.judged.iter().map(sum).collect())
    }

    /// Adds a run; one with other invariants begins anew, and what there was is added to the campaign.
    pub(in crate::explore) fn record(&mut self, report: &RunReport, campaign: &mut Campaign) {
        // Nearly always it is the very same text.
        let is_name = |one: &'static str, other: &'static str| std::ptr::eq(one, other) || one == other;
        let is_same = |(sum, judged): (&Sum, &Judged)| {
            is_name(sum.judged.invariant, judged.invariant)
                && sum.judged.mode == judged.mode
                && is_name(sum.judged.subject.unwrap_or_default(), judged.subject.unwrap_or_default())
        };
        if self.0.len() != report.judged.len() || !self.0.iter().zip(&report.judged).all(is_same) {
            std::mem::replace(self, Self::from_report(report)).add_to(campaign);
            return;
        }
        for (sum, judged) in self.0.iter_mut().zip(&report.judged) {
            sum.runs += u64::from(judged.times > 0);
            sum.judged.times += judged.times;
            sum.judged.met += judged.met;
        }
    }

    /// Adds all of it to the campaign.
    pub(in crate::explore) fn add_to(self, campaign: &mut Campaign) {
        for Sum { judged, runs } in self.0 {
            let name = || SmolStr::new_static(judged.invariant);
            if judged.mode == Mode::Sometimes {
                campaign.goals.entry(name()).or_default();
                continue;
            }
            let tally = tally(&mut campaign.invariants, judged.invariant, Some(judged.mode));
            tally.runs += runs;
            tally.times += judged.times;
            if let Some(subject) = judged.subject {
                *tally.met.get_or_insert(0) += judged.met;
                campaign.subjects.entry(name()).or_insert_with(|| SmolStr::new_static(subject));
            }
        }
    }
}
