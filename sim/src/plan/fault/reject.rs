use super::{Call, CallKind};
use crate::{draw::Draw, plan::Profile};
use seaworthy_core::ports::Operation;

/// An unroutable or oversized message, a declined payment.
#[derive(Clone, Copy)]
pub(super) struct Reject;

impl CallKind for Reject {
    const CLASS: Profile = Profile::Rejection;

    fn fits(operation: Operation) -> bool {
        matches!(operation, Operation::Publish | Operation::External)
    }

    fn draw(_: &mut Draw) -> Self {
        Self
    }

    fn extremes(_: bool) -> Vec<Self> {
        vec![Self]
    }

    fn words(self, call: Call<'_>) -> String {
        let Call { nth, what, process } = call;
        format!("reject the {nth} {what} of `{process}` for good")
    }
}
