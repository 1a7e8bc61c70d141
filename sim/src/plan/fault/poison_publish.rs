use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

use super::{Targets, on_store::OnStore};
use crate::plan::Profile;

/// A message whose publish panics each time, or kills the process: one that the client library of the broker can't encode, one
/// that is too large for it.
#[derive(Clone)]
pub(super) struct PoisonPublish {
    pub(super) store: SmolStr,
    pub(super) kills: bool,
}

impl OnStore for PoisonPublish {
    const CLASS: Profile = Profile::Crash;
    const LASTS: bool = true;
    const MAY_KILL: bool = true;

    fn meets(operation: Operation) -> bool {
        operation == Operation::Publish
    }

    /// Returns `true` where somebody listens: elsewhere nobody publishes anything.
    fn is_asked_for(targets: &Targets) -> bool {
        targets.fails_for_good && !targets.topics.is_empty()
    }

    fn new(store: SmolStr, kills: bool) -> Self {
        Self { store, kills }
    }

    fn store(&self) -> &SmolStr {
        &self.store
    }

    fn kills(&self) -> bool {
        self.kills
    }

    fn in_words(&self) -> String {
        match self.kills {
            false => format!("whoever publishes one message of store `{}` panics, each time", self.store),
            true => format!("one message of store `{}` kills whoever publishes it, each time", self.store),
        }
    }
}
