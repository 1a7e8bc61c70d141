use seaworthy_core::ports::{Operation, Port};

use super::{Call, CallKind};
use crate::{draw::Draw, plan::Profile};

/// The victim of a deadlock, a lock that took too long, a connection that broke.
#[derive(Clone, Copy)]
pub(super) struct StatementError;

impl CallKind for StatementError {
    const CLASS: Profile = Profile::Rejection;

    fn fits(operation: Operation) -> bool {
        operation.port() == Port::Transaction && operation != Operation::Commit
    }

    fn draw(_: &mut Draw) -> Self {
        Self
    }

    fn extremes(_: bool) -> Vec<Self> {
        vec![Self]
    }

    /// It leaves the same as a commit that is refused.
    fn is_spared(&self, _: Operation) -> bool {
        true
    }

    fn words(self, call: Call<'_>) -> String {
        let Call { nth, what, process } = call;
        format!("break off the {nth} {what} of `{process}`, and its transaction with it")
    }
}
