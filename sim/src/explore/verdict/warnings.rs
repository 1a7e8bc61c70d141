//! Warnings about a campaign: what it never did, and why that may be.

use super::{
    gap::{Excuse, Gap, Warning},
    reach::{PLANNED_FEW, is_beside_the_point},
};
use crate::{explore::Campaign, plan::Profile};

/// Below this many runs, chance alone can keep a kind of fault, an invariant or a goal from coming up.
const RUNS_FEW: u64 = 1_000;
impl Campaign {
    /// Lists what never happened, each with the excuse that there is for it.
    pub(super) fn warnings(&self) -> Vec<Warning> {
        if self.runs == 0 {
            return vec![Warning { gap: Gap::NoRuns, excuse: None }];
        }
        let mut warnings = Vec::new();
        if self.interrupted {
            // A sweep that was to end at a failure has kept its word.
            let excuse = (self.failed > 0 || self.difference().is_some()).then_some(Excuse::EndedAtFailure);
            warnings.push(Warning { gap: Gap::Interrupted { runs: self.runs }, excuse });
        }
        if self.idle == self.runs {
            warnings.push(Warning { gap: Gap::NothingHappened, excuse: None });
        }
        for plan in &self.corpus.weaker {
            let gap = Gap::Weaker { plan: plan.to_string() };
            warnings.push(Warning { gap, excuse: Some(Excuse::OthersStrike) });
        }
        // Where a class of faults is left out, what only that class leads to can't be asked for.
        let narrow = !self.profiles.iter().any(|profile| matches!(profile, Profile::Everything | Profile::Swarm));
        let excuse = match (self.exhausted, self.runs < RUNS_FEW) {
            (Some(_), _) => Some(Excuse::OneWorkload),
            (None, true) => Some(Excuse::FewRuns),
            (None, false) => narrow.then_some(Excuse::NarrowProfiles),
        };
        for (name, tally) in &self.invariants {
            if is_beside_the_point(tally) {
                continue;
            }
            if let (Some(mode), 0) = (tally.mode, tally.times) {
                warnings.push(Warning { gap: Gap::NeverJudged { invariant: name.to_string(), mode }, excuse });
            }
        }
        for (kind, tally) in self.faults.iter().filter(|(kind, _)| self.enabled.contains(kind)) {
            if tally.fired == 0 && self.can_strike(*kind) && !self.is_elsewhere(*kind) {
                let is_rare = tally.planned < PLANNED_FEW && self.runs < RUNS_FEW;
                let excuse = (is_rare && self.exhausted.is_none()).then_some(Excuse::FewRuns);
                let kind = kind.name().to_owned();
                warnings.push(Warning { gap: Gap::NeverFired { kind, planned: tally.planned }, excuse });
            }
        }
        for (group, tally) in self.groups.iter().filter(|(_, tally)| tally.is_idle()) {
            let gap = Gap::Idle { group: group.to_string(), acknowledged: tally.acknowledged };
            warnings.push(Warning { gap, excuse: Some(Excuse::MayLookOn) });
        }
        for (goal, tally) in &self.goals {
            if tally.runs == 0 {
                warnings.push(Warning { gap: Gap::NeverReached { goal: goal.to_string() }, excuse });
            }
        }
        warnings
    }
}
