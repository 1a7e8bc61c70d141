use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

use super::{Targets, on_store::OnStore};
use crate::plan::Profile;

/// A message, or an event at one of its subscribers, on which the handler panics each time, or that kills its process: a payload that
/// nobody has thought of, one that takes all the memory there is.
#[derive(Clone)]
pub(super) struct Poison {
    pub(super) store: SmolStr,
    pub(super) kills: bool,
}

impl OnStore for Poison {
    const CLASS: Profile = Profile::Crash;
    const LASTS: bool = true;
    const MAY_KILL: bool = true;

    fn meets(operation: Operation) -> bool {
        matches!(operation, Operation::InboxInsert | Operation::SetCheckpoint)
    }

    /// Returns `true` where somebody listens, or reads a log: elsewhere nobody handles anything.
    fn is_asked_for(targets: &Targets) -> bool {
        targets.fails_for_good && !(targets.topics.is_empty() && targets.with_events.is_empty())
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
            false => format!("whoever handles one message or event on store `{}` panics, each time", self.store),
            true => format!("one message or event kills whoever handles it on store `{}`, each time", self.store),
        }
    }
}
