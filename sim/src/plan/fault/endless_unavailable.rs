use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

use super::{Targets, on_store::OnStore};
use crate::plan::Profile;

/// A transaction that the store says it is unavailable for, at each attempt, while it is there for all others: a page that can't be read, a
/// disk that is too full for this one, a handler that begins a second transaction beside its own.
#[derive(Clone)]
pub(super) struct EndlessUnavailable {
    pub(super) store: SmolStr,
}

impl OnStore for EndlessUnavailable {
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
            "store `{}` is unavailable for one message or event, or one step of one saga, at each attempt, and for nobody else",
            self.store
        )
    }
}
