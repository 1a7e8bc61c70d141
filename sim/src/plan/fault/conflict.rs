use super::{Call, CallKind, is_lost_with_transaction};
use crate::{draw::Draw, plan::Profile};
use seaworthy_core::ports::{Operation, Port};

/// Another transaction was first.
#[derive(Clone, Copy)]
pub(super) struct Conflict;

impl CallKind for Conflict {
    const CLASS: Profile = Profile::Rejection;

    fn fits(operation: Operation) -> bool {
        let is_statement = operation.port() == Port::Transaction && operation.changes_something();
        // Of reads those that relays make of the outbox, which a database may refuse as well.
        is_statement || matches!(operation, Operation::Claim | Operation::Tail | Operation::Settle)
    }

    fn draw(_: &mut Draw) -> Self {
        Self
    }

    fn extremes(_: bool) -> Vec<Self> {
        vec![Self]
    }

    /// A transaction that is late hears of it at a statement or at the commit, and begins anew either way.
    fn is_spared(&self, operation: Operation) -> bool {
        is_lost_with_transaction(operation)
    }

    fn words(self, call: Call<'_>) -> String {
        let Call { nth, what, process } = call;
        format!("let the {nth} {what} of `{process}` fail with a conflict")
    }
}
