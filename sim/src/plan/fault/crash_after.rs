use super::{Call, CallKind, Edge, leaves_something};
use crate::{
    draw::Draw,
    plan::{Profile, Restart},
};
use seaworthy_core::ports::Operation;

/// The process dies before it hears what it did.
#[derive(Clone, Copy)]
pub(super) struct CrashAfter(pub(super) Restart);

impl CallKind for CrashAfter {
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

    /// After a call that leaves nothing it is as if the process had died before that call, or before the next one.
    fn is_spared(&self, operation: Operation) -> bool {
        !leaves_something(operation)
    }

    fn ends_caller(&self) -> Option<Edge> {
        Some(Edge::After)
    }

    fn lasts_ms(self) -> u32 {
        self.0.after_ms
    }

    fn words(self, call: Call<'_>) -> String {
        let Call { nth, what, process } = call;
        format!("crash `{process}` after its {nth} {what}, {}", self.0.words())
    }
}
