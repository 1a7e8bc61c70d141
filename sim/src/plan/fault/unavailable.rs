use super::{Call, CallKind, is_lost_with_transaction};
use crate::{draw::Draw, plan::Profile};
use seaworthy_core::ports::Operation;

/// Nobody answers this once.
#[derive(Clone, Copy)]
pub(super) struct Unavailable;

impl CallKind for Unavailable {
    const CLASS: Profile = Profile::Outage;

    fn fits(operation: Operation) -> bool {
        !matches!(operation, Operation::Request | Operation::Reply)
    }

    fn draw(_: &mut Draw) -> Self {
        Self
    }

    fn extremes(_: bool) -> Vec<Self> {
        vec![Self]
    }

    fn strikes_early(&self) -> bool {
        true
    }

    /// A transaction that fails anywhere is lost as one that fails at its commit. Where whoever catches it makes a difference, it is
    /// found by itself.
    fn is_spared(&self, operation: Operation) -> bool {
        is_lost_with_transaction(operation)
    }

    fn words(self, call: Call<'_>) -> String {
        let Call { nth, what, process } = call;
        format!("refuse the {nth} {what} of `{process}` as unavailable")
    }
}
