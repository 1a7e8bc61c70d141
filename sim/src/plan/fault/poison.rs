use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

use super::{Target, Targets, TimedKind};
use crate::{draw::Draw, plan::Profile};

/// A message on which its handler panics each time, or that kills its process: a payload that nobody has thought of, one
/// that takes all the memory there is.
#[derive(Clone)]
pub(super) struct Poison {
    pub(super) store: SmolStr,
    pub(super) kills: bool,
}

impl TimedKind for Poison {
    const CLASS: Profile = Profile::Crash;
    const LASTS: bool = true;

    fn meets(operation: Operation) -> bool {
        operation == Operation::InboxInsert
    }

    /// Returns `true` where somebody listens: elsewhere nobody handles anything.
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
            false => format!("whoever handles one message on store `{}` panics, each time", self.store),
            true => format!("one message kills whoever handles it on store `{}`, each time", self.store),
        }
    }
}
