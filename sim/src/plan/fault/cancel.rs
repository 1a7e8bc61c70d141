use seaworthy_core::ports::Operation;

use super::{Call, CallKind, Edge, leads_to_more, leaves_something};
use crate::{draw::Draw, plan::Profile};

/// A timeout, a `select!`, a client that hangs up: the piece of work that makes the call is dropped at it.
#[derive(Clone, Copy)]
pub(super) struct Cancel {
    pub(super) after: bool,
}

impl CallKind for Cancel {
    const CLASS: Profile = Profile::Crash;
    const NEEDS_SCOPE: bool = true;

    /// An answer is sent off and waits for nothing, so nothing is dropped at it.
    fn fits(operation: Operation) -> bool {
        operation != Operation::Reply
    }

    fn fits_as_it_is(&self, operation: Operation) -> bool {
        Self::fits(operation) && (!self.after || leaves_something(operation))
    }

    fn draw(draw: &mut Draw) -> Self {
        Self { after: draw.chance(500) }
    }

    fn simpler(self) -> Vec<Self> {
        if self.after { vec![Self { after: false }] } else { Vec::new() }
    }

    fn extremes(_: bool) -> Vec<Self> {
        [false, true].map(|after| Self { after }).to_vec()
    }

    /// Work that is dropped before its commit leaves nothing, wherever that is.
    fn is_spared(&self, operation: Operation) -> bool {
        !self.after && leads_to_more(operation)
    }

    fn ends_caller(&self) -> Option<Edge> {
        Some(if self.after { Edge::After } else { Edge::Before })
    }

    fn words(self, call: Call<'_>) -> String {
        let Call { nth, what, process } = call;
        let when = if self.after { "after" } else { "before" };
        format!("drop the work of `{process}` that makes its {nth} {what}, right {when} it")
    }
}
