use seaworthy_core::ports::Operation;

use super::{Call, CallKind, leaves_something, waits_as_commit_does};
use crate::{draw::Draw, plan::Profile};

/// An answer that does not come: a connection that is half open, a participant that is stuck, a lock that nobody lets go.
/// The caller waits for as long as it will - until a limit of its own strikes, its process dies, or the storm is over. Where the
/// topology says that it copes with [what fails for good](crate::topology::Topology::fails_for_good()), the storm is not over before
/// a [call that needs a limit](is_given_up_by_its_caller) is.
#[derive(Clone, Copy)]
pub(super) struct Hang {
    pub(super) after: bool,
}

/// Length of a call that nobody gives up, in virtual milliseconds: longer than every limit of the default configurations.
pub(crate) const HANG_MS: u32 = 600_000;

/// Returns `true` for a call that whoever makes it has to give up in time: what is asked of others, outside and at the broker. That
/// the calls of a store end is its adapter's part ([`Store`](seaworthy_core::ports::Store)), and who receives waits for as long as there
/// is nothing to come.
pub(crate) fn is_given_up_by_its_caller(operation: Operation) -> bool {
    use Operation::{Ack, Extend, External, Nack, Publish, Subscribe};
    matches!(operation, External | Publish | Subscribe | Ack | Nack | Extend)
}

impl CallKind for Hang {
    const CLASS: Profile = Profile::Outage;

    /// An answer is sent off and waits for nothing.
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

    fn is_spared(&self, operation: Operation) -> bool {
        !self.after && waits_as_commit_does(operation)
    }

    fn strikes_early(&self) -> bool {
        !self.after
    }

    fn lasts_ms(self) -> u32 {
        HANG_MS
    }

    fn words(self, call: Call<'_>) -> String {
        let Call { nth, what, process } = call;
        match self.after {
            false => format!("the {nth} {what} of `{process}` hangs"),
            true => format!("the {nth} {what} of `{process}` takes effect, and its answer hangs"),
        }
    }
}
