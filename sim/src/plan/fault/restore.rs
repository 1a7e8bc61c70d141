use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

use super::{Targets, on_store::OnStore};
use crate::plan::Profile;

/// A store that is put back to a copy of itself: the copy is made when the fault begins, and put back when it ends. What was
/// committed between is lost, and counters - row numbers, sequences, versions - go back.
#[derive(Clone)]
pub(super) struct Restore {
    pub(super) store: SmolStr,
}

impl OnStore for Restore {
    const CLASS: Profile = Profile::Crash;

    fn meets(operation: Operation) -> bool {
        operation == Operation::Commit
    }

    fn is_asked_for(targets: &Targets) -> bool {
        targets.restores
    }

    fn new(store: SmolStr, _: bool) -> Self {
        Self { store }
    }

    fn store(&self) -> &SmolStr {
        &self.store
    }

    fn in_words(&self) -> String {
        format!("store `{}` is put back to what it was when this began", self.store)
    }
}
