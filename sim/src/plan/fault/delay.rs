use super::{Call, CallKind, LONG_MS, SHORT_MS, smaller, span, waits_as_commit_does};
use crate::{draw::Draw, plan::Profile};
use seaworthy_core::ports::Operation;

/// A slow statement, a slow commit, a slow network.
#[derive(Clone, Copy)]
pub(super) struct Delay {
    pub(super) ms: u32,
}

impl CallKind for Delay {
    const CLASS: Profile = Profile::Latency;

    fn fits(_: Operation) -> bool {
        true
    }

    fn draw(draw: &mut Draw) -> Self {
        Self { ms: span(draw, 5_000) }
    }

    fn simpler(self) -> Vec<Self> {
        smaller(self.ms, 1).map(|ms| Self { ms }).collect()
    }

    fn extremes(_: bool) -> Vec<Self> {
        [SHORT_MS, LONG_MS].map(|ms| Self { ms }).to_vec()
    }

    fn lasts_ms(self) -> u32 {
        self.ms
    }

    /// Late after a moment is late after a minute.
    fn is_spared(&self, operation: Operation) -> bool {
        self.ms == SHORT_MS || waits_as_commit_does(operation)
    }

    fn strikes_early(&self) -> bool {
        true
    }

    fn words(self, call: Call<'_>) -> String {
        let Call { nth, what, process } = call;
        format!("delay the {nth} {what} of `{process}` by {} ms", self.ms)
    }
}
