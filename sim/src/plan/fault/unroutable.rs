use seaworthy_core::ports::Operation;

use super::{Call, CallKind, Targets};
use crate::{draw::Draw, plan::Profile};

/// A broker that takes what nobody is bound to, and a producer that did not ask to be told.
#[derive(Clone, Copy)]
pub(super) struct Unroutable;

impl CallKind for Unroutable {
    const CLASS: Profile = Profile::Rejection;

    fn fits(operation: Operation) -> bool {
        operation == Operation::Publish
    }

    fn is_possible(targets: &Targets) -> bool {
        targets.confirms_unroutable && !targets.processes.is_empty()
    }

    fn draw(_: &mut Draw) -> Self {
        Self
    }

    fn extremes(_: bool) -> Vec<Self> {
        vec![Self]
    }

    fn words(self, call: Call<'_>) -> String {
        let Call { nth, what, process } = call;
        format!("confirm the {nth} {what} of `{process}` and deliver it to nobody")
    }
}
