use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

use super::{Targets, on_store::OnStore};
use crate::plan::Profile;

/// A conflict that comes again at each attempt: a unique key that is taken, a row that somebody keeps writing.
#[derive(Clone)]
pub(super) struct EndlessConflict {
    pub(super) store: SmolStr,
}

impl OnStore for EndlessConflict {
    const CLASS: Profile = Profile::Rejection;
    const LASTS: bool = true;

    fn meets(operation: Operation) -> bool {
        matches!(operation, Operation::InboxInsert | Operation::SagaAppend | Operation::SetCheckpoint)
    }

    fn is_asked_for(targets: &Targets) -> bool {
        targets.fails_for_good
    }

    fn new(store: SmolStr, _: bool) -> Self {
        Self { store }
    }

    fn store(&self) -> &SmolStr {
        &self.store
    }

    fn in_words(&self) -> String {
        format!(
            "one message or event, or one step of one saga, meets a conflict on store `{}` at each attempt",
            self.store
        )
    }
}
