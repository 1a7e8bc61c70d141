use std::{
    io,
    sync::{Arc, OnceLock},
    time::Duration,
};

use seaworthy_core::{
    boot::Boot,
    ports::{Broker, External, Ingress, Ports, Store, UntilStop},
    stop::Stop,
};
use smol_str::SmolStr;
use tokio::runtime::Handle;

use crate::{
    clock::TokioClock,
    random::OsRandom,
    spawner::{PartEnded, TaskPanicked, TokioSpawner},
};

/// Ports that differ from service to service.
#[derive(Clone)]
pub struct Parts {
    /// The process's database.
    pub store: Arc<dyn Store>,
    /// The message broker.
    pub broker: Arc<dyn Broker>,
    /// Participants that are not ours.
    pub external: Arc<dyn External>,
    /// Requests from outside. They end for the process once it is asked to stop.
    pub ingress: Arc<dyn Ingress>,
}

/// Reason for the end of a process that nobody had asked to end, or that ended badly.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Died {
    /// It decided to die: start it again.
    #[error("the process exited of its own doing: {reason}")]
    Exited {
        /// Reason, in its own words.
        reason: SmolStr,
    },
    /// Tasks of it panicked.
    #[error(transparent)]
    Panicked(#[from] TaskPanicked),
    /// Parts of it do nothing any more, although nobody had asked them to stop.
    #[error("parts of the process have ended: {}", .parts.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Ended {
        /// The parts, in the order in which they ended.
        parts: Vec<PartEnded>,
    },
    /// Tasks of it went on after it was asked to stop, and were ended as by a crash.
    #[error("these tasks had not stopped within {limit:?} and were ended: {}", .names.join(", "))]
    Late {
        /// Time that they had.
        limit: Duration,
        /// The names of the tasks, in the order in which they were started.
        names: Vec<&'static str>,
    },
}

/// Time that a process has to stop: less than the 30 s after which container platforms kill it.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// Time that is waited for tasks that were ended to be gone.
const ABORT_WITHIN: Duration = Duration::from_secs(1);

/// End of a main function that nobody had asked to end.
const RETURNED: &str = "its main function has returned, although nobody had asked the process to stop";

/// One process on tokio: its ports, its tasks and its graceful stop.
///
/// ```
/// # use std::sync::Arc;
/// # use seaworthy_core::ports::{Ports, Store};
/// use seaworthy_tokio::{LocalBroker, LocalExternal, LocalIngress, Parts, Process};
///
/// async fn orders(ports: Ports) {
///     ports.stop.wait().await;
/// }
///
/// # async fn main_with(store: Arc<dyn Store>) -> Result<(), Box<dyn std::error::Error>> {
/// let process = Process::new(Parts {
///     store,
///     broker: Arc::new(LocalBroker::default()),
///     external: Arc::new(LocalExternal::new()),
///     ingress: Arc::new(LocalIngress::new(64)),
/// })?;
/// process.start("orders", orders);
/// // ... until a signal arrives:
/// process.stop().await?;
/// # Ok(())
/// # }
/// ```
pub struct Process {
    ports: Ports,
    tasks: TokioSpawner,
    exited: Arc<OnceLock<SmolStr>>,
}

impl Process {
    /// Puts the ports of a process together: the parts, and this machine's clock, entropy and the current runtime.
    ///
    /// # Errors
    /// The operating system's, if it has no entropy to give, or if this is called outside a tokio runtime.
    pub fn new(parts: Parts) -> io::Result<Self> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let tasks = TokioSpawner::on(runtime);
        let stop = Stop::new();
        let ports = Ports {
            store: parts.store,
            broker: parts.broker,
            clock: Arc::new(TokioClock),
            external: parts.external,
            random: Arc::new(OsRandom::new()?),
            spawner: Arc::new(tasks.clone()),
            ingress: Arc::new(UntilStop::new(parts.ingress, stop.clone())),
            stop,
        };
        Ok(Self { ports, tasks, exited: Arc::default() })
    }

    /// The ports, for a caller that runs the process itself.
    pub fn ports(&self) -> Ports {
        self.ports.clone()
    }

    /// Returns the [`Boot`] of a main function that wants to know its name, or to [exit](Boot::exit): all tasks of this
    /// process then end at their next await, and [`Process::ended`] says why. It is incarnation 1 of release 1 unless
    /// the caller, who knows better, sets that.
    pub fn boot(&self, name: impl Into<SmolStr>) -> Boot {
        let (tasks, exited) = (self.tasks.clone(), self.exited.clone());
        Boot::new(name, self.ports(), move |reason| {
            // The first reason is the one that counts: what comes later runs on its way out.
            let _ = exited.set(reason);
            tasks.abort();
            tasks.tell();
        })
    }

    /// Starts the process's main function, or one of several, as a task. It works until the process is asked to
    /// [stop](Self::stop): if it returns before that, the process is not whole any more, and its [`health`](Self::health) says so
    /// at once. What does its work and is done is a task among others, and not a main function:
    /// [`Ports::spawn`](seaworthy_core::ports::Ports::spawn) starts it.
    pub fn start<F>(&self, name: &'static str, main: impl FnOnce(Ports) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (main, stop, spawner) = (main(self.ports()), self.ports.stop.clone(), self.ports.spawner.clone());
        self.ports.spawn(name, async move {
            main.await;
            if !stop.is_set() {
                tracing::error!(main = name, "{RETURNED}");
                spawner.part_ended(name, RETURNED);
            }
        });
    }

    /// Asks everything to stop and waits until it has, for 20 s: see [`stop_within`](Self::stop_within).
    ///
    /// # Errors
    /// As for [`stop_within`](Self::stop_within).
    pub async fn stop(&self) -> Result<(), Died> {
        self.stop_within(STOP_WITHIN).await
    }

    /// Asks everything to stop and waits until it has. Tasks that go on after `limit` end at their next await, as in a
    /// crash: what they had not committed is lost.
    ///
    /// Dropping the future ends the wait; the tasks go on, unless [`Process::abort`] ends them.
    ///
    /// # Errors
    /// [`Died`] if the process [exited](Boot::exit) of its own doing, a task panicked or a part ended during its life, or some
    /// tasks had to be ended.
    pub async fn stop_within(&self, limit: Duration) -> Result<(), Died> {
        self.ports.stop.set();
        if let Ok(ended) = tokio::time::timeout(limit, self.ended()).await {
            return ended;
        }
        let names = self.tasks.running();
        tracing::error!(?names, ?limit, "tasks have not stopped in time and are ended");
        self.tasks.abort();
        // A task that never awaits anything can't be ended, and is not waited for.
        let _ = tokio::time::timeout(ABORT_WITHIN, self.ended()).await;
        Err(Died::Late { limit, names })
    }

    /// Returns whether the process is whole: no task of it has panicked, no part of it has ended that was to work until the stop,
    /// and it has not [exited](Boot::exit). It is for a probe of the platform: the others of a process in which one has ended go
    /// on, and nothing else shows it.
    ///
    /// # Errors
    /// [`Died`], which says what is wrong.
    pub fn health(&self) -> Result<(), Died> {
        self.whole(self.tasks.check())
    }

    fn whole(&self, panicked: Result<(), TaskPanicked>) -> Result<(), Died> {
        if let Some(reason) = self.exited.get() {
            return Err(Died::Exited { reason: reason.clone() });
        }
        panicked?;
        let parts = self.tasks.parts_ended();
        if parts.is_empty() { Ok(()) } else { Err(Died::Ended { parts }) }
    }

    /// Waits until the process is not [whole](Self::health) any more, and returns at once if it isn't: what a supervisor waits
    /// for beside the signal to stop.
    ///
    /// ```
    /// # use seaworthy_tokio::{Died, Process};
    /// # async fn supervise(process: Process, terminated: impl Future<Output = ()>) -> Result<(), Died> {
    /// tokio::select! {
    ///     died = process.died() => return Err(died),
    ///     () = terminated => {}
    /// }
    /// process.stop().await
    /// # }
    /// ```
    ///
    /// Dropping the future ends the wait.
    pub async fn died(&self) -> Died {
        self.tasks.until(|| self.health().err()).await
    }

    /// Waits until no task is left: after a stop, or because all have returned, or because the process
    /// [exited](Boot::exit). A supervisor then makes the process anew, or ends the program with an error.
    ///
    /// Dropping the future ends the wait; the tasks go on.
    ///
    /// # Errors
    /// [`Died`] if the process exited of its own doing, or a task panicked or a part ended during its life.
    pub async fn ended(&self) -> Result<(), Died> {
        let panicked = self.tasks.join().await;
        self.whole(panicked)
    }

    /// Ends all tasks at their next await, as a crash would: what they had not committed is lost.
    pub fn abort(&self) {
        self.tasks.abort();
    }
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process").field("tasks", &self.tasks).finish_non_exhaustive()
    }
}
