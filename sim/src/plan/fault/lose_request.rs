use super::{Call, CallKind, has_reply};
use crate::{draw::Draw, plan::Profile};
use seaworthy_core::ports::Operation;

/// The effect is not there and the caller can't know.
#[derive(Clone, Copy)]
pub(super) struct LoseRequest;

impl CallKind for LoseRequest {
    const CLASS: Profile = Profile::LostReply;

    fn fits(operation: Operation) -> bool {
        has_reply(operation)
    }

    fn draw(_: &mut Draw) -> Self {
        Self
    }

    fn extremes(_: bool) -> Vec<Self> {
        vec![Self]
    }

    fn words(self, call: Call<'_>) -> String {
        let Call { nth, what, process } = call;
        format!("lose the {nth} {what} of `{process}` on its way")
    }
}
