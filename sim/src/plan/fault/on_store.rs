//! The faults of one store have this in common: what they draw, what is tried where everything is, how they are weakened.

use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

use super::{Target, Targets, TimedKind};
use crate::{draw::Draw, plan::Profile};

/// Kind of fault over a span of time that strikes one store, or work on it, in one strength or in two.
pub(super) trait OnStore: Sized {
    /// The profile whose plans hold it.
    const CLASS: Profile;

    /// `true` if it lasts until the world heals, as [`TimedKind::LASTS`] says.
    const LASTS: bool = false;

    /// `true` if there is a stronger form of it, in which the process dies of what it panics at otherwise.
    const MAY_KILL: bool = false;

    /// Returns `true` if a call of `operation` can meet it.
    fn meets(operation: Operation) -> bool;

    /// Returns `true` if the scenario asks for it, and has what it strikes beside a store.
    fn is_asked_for(targets: &Targets) -> bool {
        let _ = targets;
        true
    }

    /// The fault of a store; in its stronger form where `kills`.
    fn new(store: SmolStr, kills: bool) -> Self;

    /// Returns the name of its store.
    fn store(&self) -> &SmolStr;

    /// Returns `true` for its stronger form.
    fn kills(&self) -> bool {
        false
    }

    /// Describes its effect.
    fn in_words(&self) -> String;
}

impl<K: OnStore> TimedKind for K {
    const CLASS: Profile = <K as OnStore>::CLASS;
    const LASTS: bool = <K as OnStore>::LASTS;

    fn meets(operation: Operation) -> bool {
        <K as OnStore>::meets(operation)
    }

    fn is_possible(targets: &Targets) -> bool {
        K::is_asked_for(targets) && !targets.stores.is_empty()
    }

    fn draw(draw: &mut Draw, targets: &Targets) -> Option<Self> {
        let store = draw.pick(&targets.stores)?.clone();
        Some(K::new(store, K::MAY_KILL && draw.chance(500)))
    }

    fn target(&self) -> Target {
        Target::Store(self.store().clone())
    }

    fn amount(&self) -> i64 {
        i64::from(self.kills())
    }

    fn simpler(&self) -> Vec<Self> {
        if self.kills() { vec![K::new(self.store().clone(), false)] } else { Vec::new() }
    }

    fn extremes(targets: &Targets) -> Vec<Self> {
        let strengths = if K::MAY_KILL { &[false, true][..] } else { &[false] };
        let of = |store: &SmolStr| strengths.iter().map(|kills| K::new(store.clone(), *kills)).collect::<Vec<_>>();
        targets.stores.iter().flat_map(of).collect()
    }

    fn words(&self) -> String {
        self.in_words()
    }
}
