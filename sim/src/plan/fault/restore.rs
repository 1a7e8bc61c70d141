use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

use super::{Target, Targets, TimedKind};
use crate::{draw::Draw, plan::Profile};

/// A store that is put back to a copy of itself: the copy is made when the fault begins, and put back when it ends. What was
/// committed between is lost, and counters - row numbers, sequences, versions - go back.
#[derive(Clone)]
pub(super) struct Restore {
    pub(super) store: SmolStr,
}

impl TimedKind for Restore {
    const CLASS: Profile = Profile::Crash;

    fn meets(operation: Operation) -> bool {
        operation == Operation::Commit
    }

    fn is_possible(targets: &Targets) -> bool {
        targets.restores && !targets.stores.is_empty()
    }

    fn draw(draw: &mut Draw, targets: &Targets) -> Option<Self> {
        Some(Self { store: draw.pick(&targets.stores)?.clone() })
    }

    fn target(&self) -> Target {
        Target::Store(self.store.clone())
    }

    fn extremes(targets: &Targets) -> Vec<Self> {
        targets.stores.iter().cloned().map(|store| Self { store }).collect()
    }

    fn words(&self) -> String {
        format!("store `{}` is put back to what it was when this began", self.store)
    }
}
