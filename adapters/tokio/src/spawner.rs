use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{FutureExt, future::BoxFuture};
use seaworthy_core::ports::Spawner;
use tokio::{runtime::Handle, task::JoinSet};

/// A task of the process ended in a panic: a bug of ours or of the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tasks panicked: {}; the panic messages are on standard error", .names.join(", "))]
pub struct TaskPanicked {
    /// The names of the tasks, in the order in which they ended.
    pub names: Vec<&'static str>,
}

/// Starts tasks on a tokio runtime and keeps count of them, so that a graceful stop can wait for all.
///
/// Cloning is cheap: all clones keep the same count. A task that holds its process's ports holds a clone too; when the
/// last one is dropped, what is left is aborted.
#[derive(Clone)]
pub struct TokioSpawner {
    runtime: Handle,
    tasks: Arc<Mutex<Tasks>>,
    /// A set of tasks wakes one waiter only: others wait here.
    joining: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Tasks {
    running: JoinSet<Option<&'static str>>,
    panicked: Vec<&'static str>,
}

impl TokioSpawner {
    /// Starts tasks on this runtime.
    pub fn on(runtime: Handle) -> Self {
        Self { runtime, tasks: Arc::default(), joining: Arc::default() }
    }

    /// Waits until no task is left, those included that tasks start meanwhile.
    ///
    /// Dropping the future ends the wait; the tasks go on.
    ///
    /// # Errors
    /// [`TaskPanicked`], once all have ended, if any of them panicked since the last call.
    pub async fn join(&self) -> Result<(), TaskPanicked> {
        let _alone = self.joining.lock().await;
        std::future::poll_fn(|wake| {
            let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            loop {
                match tasks.running.poll_join_next(wake) {
                    std::task::Poll::Ready(Some(ended)) => tasks.panicked.extend(ended.ok().flatten()),
                    std::task::Poll::Ready(None) => return std::task::Poll::Ready(()),
                    std::task::Poll::Pending => return std::task::Poll::Pending,
                }
            }
        })
        .await;
        let names = std::mem::take(&mut self.tasks.lock().unwrap_or_else(PoisonError::into_inner).panicked);
        if names.is_empty() { Ok(()) } else { Err(TaskPanicked { names }) }
    }

    /// Ends all tasks at their next await, as a crash would.
    pub fn abort(&self) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).running.abort_all();
    }
}

impl Spawner for TokioSpawner {
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) {
        // A panic ends its task only; the name is what a report can say about it.
        let named = async move { AssertUnwindSafe(task).catch_unwind().await.err().map(|_| name) };
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(ended) = tasks.running.try_join_next() {
            tasks.panicked.extend(ended.ok().flatten());
        }
        tasks.running.spawn_on(named, &self.runtime);
    }
}

impl std::fmt::Debug for TokioSpawner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let running = self.tasks.lock().unwrap_or_else(PoisonError::into_inner).running.len();
        f.debug_struct("TokioSpawner").field("running", &running).finish_non_exhaustive()
    }
}
