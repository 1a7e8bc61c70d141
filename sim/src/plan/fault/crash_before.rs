use super::{Call, CallKind, Edge, leads_to_more};
use crate::{
    draw::Draw,
    plan::{Profile, Restart},
};
use seaworthy_core::ports::Operation;

/// The process dies with the call on its lips.
#[derive(Clone, Copy)]
pub(super) struct CrashBefore(pub(super) Restart);

impl CallKind for CrashBefore {
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

    /// Nothing is left of a transaction, wherever it is cut before its commit, nor of what was only about to begin.
    fn is_spared(&self, operation: Operation) -> bool {
        leads_to_more(operation)
    }

    fn ends_caller(&self) -> Option<Edge> {
        Some(Edge::Before)
    }

    fn lasts_ms(self) -> u32 {
        self.0.after_ms
    }

    fn words(self, call: Call<'_>) -> String {
        let Call { nth, what, process } = call;
        format!("crash `{process}` before its {nth} {what}, {}", self.0.words())
    }
}
