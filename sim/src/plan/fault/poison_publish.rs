use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

use super::{Target, Targets, TimedKind};
use crate::{draw::Draw, plan::Profile};

/// A message whose publish panics each time, or kills the process: one that the client library of the broker can't encode, one
/// that is too large for it.
#[derive(Clone)]
pub(super) struct PoisonPublish {
    pub(super) store: SmolStr,
    pub(super) kills: bool,
}

impl TimedKind for PoisonPublish {
    const CLASS: Profile = Profile::Crash;
    const LASTS: bool = true;

    fn meets(operation: Operation) -> bool {
        operation == Operation::Publish
    }

    /// Returns `true` where somebody listens: elsewhere nobody publishes anything.
    fn is_possible(targets: &Targets) -> bool {
        targets.fails_for_good && !targets.topics.is_empty() && !targets.stores.is_empty()
    }

    fn draw(draw: &mut Draw, targets: &Targets) -> Option<Self> {
        Some(Self { store: draw.pick(&targets.stores)?.clone(), kills: draw.chance(500) })
    }

    fn target(&self) -> Target {
        Target::Store(self.store.clone())
    }

    fn amount(&self) -> i64 {
        i64::from(self.kills)
    }

    fn simpler(&self) -> Vec<Self> {
        if self.kills { vec![Self { store: self.store.clone(), kills: false }] } else { Vec::new() }
    }

    fn extremes(targets: &Targets) -> Vec<Self> {
        let both = |store: &SmolStr| [false, true].map(|kills| Self { store: store.clone(), kills });
        targets.stores.iter().flat_map(both).collect()
    }

    fn words(&self) -> String {
        match self.kills {
            false => format!("whoever publishes one message of store `{}` panics, each time", self.store),
            true => format!("one message of store `{}` kills whoever publishes it, each time", self.store),
        }
    }
}
