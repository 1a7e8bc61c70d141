use super::{Call, CallKind, smaller};
use crate::{draw::Draw, plan::Profile};
use seaworthy_core::ports::Operation;

/// The broker throttles in the middle of a batch.
#[derive(Clone, Copy)]
pub(super) struct PartialBatch {
    pub(super) accepted: u32,
}

impl CallKind for PartialBatch {
    const CLASS: Profile = Profile::Rejection;

    fn fits(operation: Operation) -> bool {
        matches!(operation, Operation::Publish)
    }

    fn draw(draw: &mut Draw) -> Self {
        Self { accepted: draw.below(4) as u32 }
    }

    fn simpler(self) -> Vec<Self> {
        smaller(self.accepted, 0).map(|accepted| Self { accepted }).collect()
    }

    fn extremes(_: bool) -> Vec<Self> {
        [0, 1].map(|accepted| Self { accepted }).to_vec()
    }

    fn words(self, call: Call<'_>) -> String {
        let Call { nth, what, process } = call;
        match self.accepted {
            0 => format!("let nothing of the {nth} {what} of `{process}` through"),
            accepted => format!("let only {accepted} of the {nth} {what} of `{process}` through"),
        }
    }
}
