use super::{Call, CallKind, LONG_MS, smaller, span};
use crate::{draw::Draw, plan::Profile};
use seaworthy_core::ports::Operation;

/// The broker keeps a second copy, a request is repeated.
#[derive(Clone, Copy)]
pub(super) struct Duplicate {
    pub(super) after_ms: u32,
}

impl CallKind for Duplicate {
    const CLASS: Profile = Profile::Duplicate;

    fn fits(operation: Operation) -> bool {
        matches!(operation, Operation::Publish | Operation::Request)
    }

    fn draw(draw: &mut Draw) -> Self {
        Self { after_ms: span(draw, 10_000) }
    }

    fn simpler(self) -> Vec<Self> {
        smaller(self.after_ms, 0).map(|after_ms| Self { after_ms }).collect()
    }

    fn extremes(_: bool) -> Vec<Self> {
        [0, LONG_MS].map(|after_ms| Self { after_ms }).to_vec()
    }

    fn lasts_ms(self) -> u32 {
        self.after_ms
    }

    fn words(self, call: Call<'_>) -> String {
        let Call { nth, what, process } = call;
        format!("let the {nth} {what} of `{process}` take effect once more {} ms later", self.after_ms)
    }
}
