//! Reach of a campaign: what could have come up in its runs at all.

use crate::{
    explore::{Campaign, InvariantTally},
    plan::FaultKind,
};

/// Below this many planned ones, chance alone can keep all faults of a kind from striking.
pub(super) const PLANNED_FEW: u64 = 50;

impl Campaign {
    /// Returns `true` if any run made a call that a fault of this kind can strike.
    pub(super) fn can_strike(&self, kind: FaultKind) -> bool {
        if self.faults.get(&kind).is_some_and(|tally| tally.fired > 0) {
            return true;
        }
        // A wrong clock strikes whoever reads it, and that is no port call: where many were wrong, nobody does. Nor is there a
        // piece of work to drop where many were to be dropped and none was.
        let shows_by_itself = kind == FaultKind::ClockSkew || kind.needs_scope();
        // Nor does anybody where every clock was.
        let is_rare =
            self.faults.get(&kind).is_none_or(|tally| tally.planned < PLANNED_FEW) && self.exhausted.is_none();
        if shows_by_itself { is_rare } else { self.calls.keys().any(|operation| kind.meets(*operation)) }
    }

    /// Returns `true` for a kind of fault of which this part of an exhaustive search has no plan: another part may have all of
    /// them, so this one can't tell what that means.
    pub(super) fn is_elsewhere(&self, kind: FaultKind) -> bool {
        let is_part = self.exhausted.is_some_and(|exhausted| !exhausted.is_whole());
        is_part && self.faults.get(&kind).is_none_or(|tally| tally.planned == 0)
    }
}

/// Returns `true` if an invariant had nothing to judge because what it is about never came up.
pub(super) fn is_beside_the_point(tally: &InvariantTally) -> bool {
    tally.times == 0 && tally.met == Some(0)
}
