use std::{any::Any, sync::Arc};

use futures_util::future::BoxFuture;

use super::TakesUp;

/// Starts concurrent tasks.
///
/// A task lives as long as its process: a crash drops it at its next await, a graceful stop waits for it.
pub trait Spawner: Send + Sync {
    /// Starts a task of the process. `name` appears in spans and traces.
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>);

    /// Polls a piece of work that may be dropped before it is done, see [`Ports::scope`](super::Ports::scope): calls
    /// `poll` once, and returns `true` if the work is to be dropped now. Scopes lie one in the other; what is polled
    /// belongs to the innermost.
    ///
    /// Unless a spawner says otherwise, work runs to its end.
    fn poll_scope(&self, poll: &mut dyn FnMut()) -> bool {
        poll();
        false
    }

    /// Hears that a piece of the user's work panicked - a handler, a step - and that the panic was caught: the work counts as
    /// failed, and its task goes on. Called on the thread that the work panicked on, with what it panicked with.
    ///
    /// Unless a spawner says otherwise nothing comes of it: whoever ran the work tells of the failure.
    fn caught(&self, panic: &(dyn Any + Send)) {
        let _ = panic;
    }

    /// Hears that a part of the process has ended which was to work until the stop - a relay, a consumer, a task that returned an
    /// error - and why. What it was for is not done any more, and the process goes on without it. The part has said so in the
    /// log itself.
    ///
    /// A spawner that keeps it lets whoever looks after the process know at once. Unless a spawner says otherwise, nothing comes
    /// of it.
    fn part_ended(&self, part: &str, why: &str) {
        let _ = (part, why);
    }

    /// Hears of a part of the process that can take up again what it has given up, for as long as the process lives. A
    /// spawner that keeps it gives an operator a way to ask for that from outside the process's own program; it has to let
    /// go of it when the process ends.
    ///
    /// Unless a spawner says otherwise, nobody asks.
    fn offer(&self, part: Arc<dyn TakesUp>) {
        let _ = part;
    }
}
