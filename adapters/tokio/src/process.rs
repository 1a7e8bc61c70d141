use std::{io, sync::Arc};

use seaworthy_core::{
    ports::{Broker, External, Ingress, Ports, Store},
    stop::Stop,
};
use tokio::runtime::Handle;

use crate::{
    clock::TokioClock,
    random::OsRandom,
    spawner::{TaskPanicked, TokioSpawner},
};

/// What differs from service to service.
#[derive(Clone)]
pub struct Parts {
    /// The process's database.
    pub store: Arc<dyn Store>,
    /// The message broker.
    pub broker: Arc<dyn Broker>,
    /// Participants that are not ours.
    pub external: Arc<dyn External>,
    /// Requests from outside.
    pub ingress: Arc<dyn Ingress>,
}

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
}

impl Process {
    /// Puts the ports of a process together: the parts, and this machine's clock, entropy and the current runtime.
    ///
    /// # Errors
    /// The operating system's, if it has no entropy to give, or if this is called outside a tokio runtime.
    pub fn new(parts: Parts) -> io::Result<Self> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let tasks = TokioSpawner::on(runtime);
        let ports = Ports {
            store: parts.store,
            broker: parts.broker,
            clock: Arc::new(TokioClock),
            external: parts.external,
            random: Arc::new(OsRandom::new()?),
            spawner: Arc::new(tasks.clone()),
            ingress: parts.ingress,
            stop: Stop::new(),
        };
        Ok(Self { ports, tasks })
    }

    /// The ports, for a caller that runs the process itself.
    pub fn ports(&self) -> Ports {
        self.ports.clone()
    }

    /// Starts the process's main function, or one of several, as a task.
    pub fn start<F>(&self, name: &'static str, main: impl FnOnce(Ports) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.ports.spawner.spawn(name, Box::pin(main(self.ports())));
    }

    /// Asks everything to stop and waits until it has.
    ///
    /// Dropping the future ends the wait; the tasks go on, unless [`Process::abort`] ends them.
    ///
    /// # Errors
    /// [`TaskPanicked`] if a task panicked during the life of the process.
    pub async fn stop(&self) -> Result<(), TaskPanicked> {
        self.ports.stop.set();
        self.tasks.join().await
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
