use super::{Call, CallKind};
use crate::{draw::Draw, plan::Profile};
use seaworthy_core::ports::Operation;

/// The caller believes that the broker knows.
#[derive(Clone, Copy)]
pub(super) struct DropAck;

impl CallKind for DropAck {
    const CLASS: Profile = Profile::Duplicate;

    fn fits(operation: Operation) -> bool {
        matches!(operation, Operation::Ack)
    }

    fn draw(_: &mut Draw) -> Self {
        Self
    }

    fn extremes(_: bool) -> Vec<Self> {
        vec![Self]
    }

    fn words(self, call: Call<'_>) -> String {
        let Call { nth, what, process } = call;
        format!("drop the {nth} {what} of `{process}` without a word")
    }
}
