use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

use super::{Target, Targets, TimedKind};
use crate::{draw::Draw, plan::Profile};

/// A conflict that comes again at each attempt: a unique key that is taken, a row that somebody keeps writing.
#[derive(Clone)]
pub(super) struct EndlessConflict {
    pub(super) store: SmolStr,
}

impl TimedKind for EndlessConflict {
    const CLASS: Profile = Profile::Rejection;
    const LASTS: bool = true;

    fn meets(operation: Operation) -> bool {
        matches!(operation, Operation::InboxInsert | Operation::SagaAppend)
    }

    fn is_possible(targets: &Targets) -> bool {
        targets.fails_for_good && !targets.stores.is_empty()
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
        format!("one message, or one step of one saga, meets a conflict on store `{}` at each attempt", self.store)
    }
}
