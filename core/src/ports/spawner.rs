use futures_util::future::BoxFuture;

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
}
