use seaworthy_core::ports::Operation;

use super::{Call, CallKind, leads_to_more};
use crate::{
    draw::Draw,
    plan::{Profile, Restart},
};

/// A deployment, or an autoscaler: the process is asked to stop in the middle of its work.
#[derive(Clone, Copy)]
pub(super) struct Stop(pub(super) Restart);

impl CallKind for Stop {
    const CLASS: Profile = Profile::Crash;
    const ENDS_PROCESS: bool = true;

    fn fits(_: Operation) -> bool {
        true
    }

    fn draw(draw: &mut Draw) -> Self {
        Self(Restart::draw(draw))
    }

    fn simpler(self) -> Vec<Self> {
        self.0.simpler().into_iter().map(Self).collect()
    }

    fn extremes(has_next_release: bool) -> Vec<Self> {
        Restart::extremes(has_next_release).map(Self).collect()
    }

    /// A process that is asked to stop finishes what it is at: the same, wherever in a transaction it is asked, or right before one.
    fn is_spared(&self, operation: Operation) -> bool {
        leads_to_more(operation)
    }

    fn lasts_ms(self) -> u32 {
        self.0.after_ms
    }

    fn words(self, call: Call<'_>) -> String {
        let Call { nth, what, process } = call;
        format!("ask `{process}` to stop at its {nth} {what}, {}", self.0.words())
    }
}
