use futures_util::future::BoxFuture;

/// Starts concurrent tasks.
///
/// A task lives as long as its process: a crash drops it at its next await, a graceful stop waits for it.
pub trait Spawner: Send + Sync {
    /// Starts a task of the process. `name` appears in spans and traces.
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>);
}
