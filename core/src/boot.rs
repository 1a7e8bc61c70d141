//! Context that a process gets at each boot: its ports, its name and its release.

use std::{fmt, future::pending, sync::Arc};

use smol_str::SmolStr;

use crate::ports::Ports;

/// Context of one boot of a process.
///
/// ```
/// use seaworthy_core::boot::Boot;
///
/// async fn accounts(boot: Boot) {
///     // A supervisor starts it again: there is nothing to do here without the database.
///     if boot.ports.store.now().await.is_err() {
///         boot.exit("the database does not answer").await;
///     }
///     while let Some(request) = boot.ports.ingress.next().await {
///         request.response.accept(request.body);
///     }
/// }
/// # fn is_a_program<F: Future<Output = ()>>(_: impl Fn(Boot) -> F) {}
/// # is_a_program(accounts);
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Boot {
    /// Ports of the process: all that it may touch.
    pub ports: Ports,
    /// Name of the process, for example `orders-1`: the same at every boot, and another for each replica.
    pub name: SmolStr,
    /// Number of this boot of the process: 1 at first, one more after each crash or restart.
    pub incarnation: u32,
    /// The release of its program: 1 at first, one more after a restart with an upgrade.
    pub release: u32,
    exit: Exit,
}

type Exit = Arc<dyn Fn(SmolStr) + Send + Sync>;

impl Boot {
    /// A first boot of release 1. `exit` is what an adapter does when the process dies of its own doing: it ends all
    /// tasks of the process, as a crash would, and keeps the reason.
    pub fn new(name: impl Into<SmolStr>, ports: Ports, exit: impl Fn(SmolStr) + Send + Sync + 'static) -> Self {
        Self { ports, name: name.into(), incarnation: 1, release: 1, exit: Arc::new(exit) }
    }

    /// Sets which boot of this process it is.
    #[must_use]
    pub fn incarnation(mut self, incarnation: u32) -> Self {
        self.incarnation = incarnation;
        self
    }

    /// Sets the release of its program.
    #[must_use]
    pub fn release(mut self, release: u32) -> Self {
        self.release = release;
        self
    }

    /// The process dies here, because it has decided so: all its tasks end as in a crash, what was not committed is lost,
    /// and it never returns. Whoever supervises the process starts it again; it is no panic and no failure of a run.
    ///
    /// The process dies when the future is polled for the first time: one that is dropped before does nothing, and one that is
    /// dropped afterwards takes nothing back.
    pub async fn exit(&self, reason: impl Into<SmolStr>) -> ! {
        (self.exit)(reason.into());
        pending().await
    }
}

impl fmt::Debug for Boot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Boot")
            .field("name", &self.name)
            .field("incarnation", &self.incarnation)
            .field("release", &self.release)
            .finish_non_exhaustive()
    }
}
