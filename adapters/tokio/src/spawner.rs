use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::{FutureExt, future::BoxFuture};
use seaworthy_core::ports::Spawner;
use smol_str::SmolStr;
use tokio::{runtime::Handle, sync::Notify, task::JoinSet};

/// A task of the process ended in a panic: a bug of ours or of the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tasks panicked: {}; the panic messages are on standard error", .names.join(", "))]
pub struct TaskPanicked {
    /// The names of the tasks, in the order in which they ended.
    pub names: Vec<&'static str>,
}

/// A part of a process that has ended although nobody had asked it to stop: a relay whose settings can't work, a consumer whose
/// store lacks a part, a task that returned an error, a main function that returned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{part}: {why}")]
#[non_exhaustive]
pub struct PartEnded {
    /// Name of the part: of a task, or what it calls itself, as `consumer shipping`.
    pub part: SmolStr,
    /// Reason, in its own words.
    pub why: SmolStr,
}

/// Starts tasks on a tokio runtime and keeps count of them, so that a graceful stop can wait for all.
///
/// Cloning is cheap: all clones keep the same count. A task that holds its process's ports holds a clone too; when the
/// last one is dropped, what is left is aborted.
#[derive(Clone)]
pub struct TokioSpawner {
    runtime: Handle,
    tasks: Arc<Mutex<JoinSet<()>>>,
    book: Arc<Book>,
    /// A set of tasks wakes one waiter only: others wait here.
    joining: Arc<tokio::sync::Mutex<()>>,
}

/// Names of the tasks that run, of those that panicked and of the parts that have ended. Tasks hold it, so it holds no task.
#[derive(Default)]
struct Book {
    entries: Mutex<Entries>,
    /// Something has gone wrong.
    told: Notify,
}

#[derive(Default)]
struct Entries {
    started: u64,
    running: BTreeMap<u64, &'static str>,
    panicked: Vec<&'static str>,
    ended: Vec<PartEnded>,
    /// Number of panics that a call of [`TokioSpawner::join`] has told of.
    told: usize,
}

impl Book {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        // No entry is half made, so a panic elsewhere while it was held does no harm.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Entry of a running task, crossed out when it ends, however it ends.
struct Entry {
    book: Arc<Book>,
    number: u64,
}

impl Entry {
    fn new(book: Arc<Book>, name: &'static str) -> Self {
        let mut entries = book.entries();
        entries.started += 1;
        let number = entries.started;
        entries.running.insert(number, name);
        drop(entries);
        Self { book, number }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.book.entries().running.remove(&self.number);
    }
}

impl TokioSpawner {
    /// Starts tasks on this runtime.
    pub fn on(runtime: Handle) -> Self {
        Self { runtime, tasks: Arc::default(), book: Arc::default(), joining: Arc::default() }
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
            let mut tasks = self.tasks();
            loop {
                match tasks.poll_join_next(wake) {
                    std::task::Poll::Ready(Some(_)) => {}
                    std::task::Poll::Ready(None) => return std::task::Poll::Ready(()),
                    std::task::Poll::Pending => return std::task::Poll::Pending,
                }
            }
        })
        .await;
        let mut entries = self.book.entries();
        let names = entries.panicked[entries.told..].to_vec();
        entries.told = entries.panicked.len();
        if names.is_empty() { Ok(()) } else { Err(TaskPanicked { names }) }
    }

    /// Checks that no task has panicked so far, whatever the others do: a process with one that has is only half there.
    ///
    /// # Errors
    /// [`TaskPanicked`] with all that have.
    pub fn check(&self) -> Result<(), TaskPanicked> {
        let names = self.book.entries().panicked.clone();
        if names.is_empty() { Ok(()) } else { Err(TaskPanicked { names }) }
    }

    /// Waits until a task has panicked, and returns at once if one has. Dropping the future ends the wait.
    pub async fn panicked(&self) -> TaskPanicked {
        self.until(|| self.check().err()).await
    }

    /// Returns the parts of the process that have [ended](Spawner::part_ended) so far although nobody had asked them to stop, in
    /// that order. A part that is started again, and ends again, is there twice.
    pub fn parts_ended(&self) -> Vec<PartEnded> {
        self.book.entries().ended.clone()
    }

    /// Waits until a look at what has gone wrong finds something.
    pub(crate) async fn until<T>(&self, mut look: impl FnMut() -> Option<T>) -> T {
        loop {
            let told = self.book.told.notified();
            if let Some(found) = look() {
                return found;
            }
            told.await;
        }
    }

    /// Has those look who wait until something has gone wrong.
    pub(crate) fn tell(&self) {
        self.book.told.notify_waiters();
    }

    /// Returns the names of the tasks that have not ended, in the order in which they were started.
    pub fn running(&self) -> Vec<&'static str> {
        self.book.entries().running.values().copied().collect()
    }

    /// Ends all tasks at their next await, as a crash would.
    pub fn abort(&self) {
        self.tasks().abort_all();
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spawner for TokioSpawner {
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) {
        let entry = Entry::new(Arc::clone(&self.book), name);
        // A panic ends its task only; the name is what a report can say about it.
        let named = async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                tracing::error!(task = name, "a task of the process has panicked: what it did is not done any more");
                entry.book.entries().panicked.push(name);
                entry.book.told.notify_waiters();
            }
        };
        let mut tasks = self.tasks();
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(named, &self.runtime);
    }

    fn part_ended(&self, part: &str, why: &str) {
        self.book.entries().ended.push(PartEnded { part: part.into(), why: why.into() });
        self.tell();
    }
}

impl std::fmt::Debug for TokioSpawner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokioSpawner").field("running", &self.running()).finish_non_exhaustive()
    }
}
