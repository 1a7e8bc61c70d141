use seaworthy_core::{boot::Boot, ports::Ports};
use smol_str::{SmolStr, format_smolstr};

use super::Topology;

/// A service that is being added to a [`Topology`]: some replicas of one program on one store.
/// [`run`](Self::run) or [`boot`](Self::boot) ends it.
#[must_use = "a service without a program is none: end it with `run` or `boot`"]
pub struct ServiceSpec {
    topology: Topology,
    name: SmolStr,
    store: SmolStr,
    replicas: u32,
    supervised: bool,
}

impl Topology {
    /// Adds a service: one process, `accounts-1`, on a store of its own that is called `accounts` as the service is, unless
    /// the calls that follow say otherwise.
    ///
    /// ```
    /// use seaworthy_core::ports::Ports;
    /// use seaworthy_sim::scenario::Topology;
    ///
    /// async fn accounts(ports: Ports) {
    ///     while let Some(request) = ports.ingress.next().await {
    ///         request.response.refuse("closed for good");
    ///     }
    /// }
    ///
    /// let topology = Topology::new().service("accounts").replicas(2).run(accounts);
    /// assert_eq!(topology.processes[1].name, "accounts-2");
    /// assert_eq!(topology.stores(), ["accounts"]);
    /// ```
    pub fn service(self, name: &str) -> ServiceSpec {
        ServiceSpec { topology: self, name: name.into(), store: name.into(), replicas: 1, supervised: false }
    }
}

impl ServiceSpec {
    /// Sets how many replicas there are, from 1. All of them share the store, and requests go to any.
    pub fn replicas(mut self, replicas: u32) -> Self {
        self.replicas = replicas;
        self
    }

    /// Sets the store that it is on, where that is not one of its own.
    pub fn store(mut self, store: &str) -> Self {
        self.store = store.into();
        self
    }

    /// Says that somebody starts a replica again when it panics, see [`Topology::supervised`].
    pub fn supervised(mut self) -> Self {
        self.supervised = true;
        self
    }

    /// Sets the program: an async function of its ports, called anew at every boot.
    #[must_use]
    pub fn run<F>(self, program: impl Fn(Ports) -> F + Clone + Send + Sync + 'static) -> Topology
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.boot(move |boot| program(boot.ports))
    }

    /// Sets the program: an async function of its boot, where it wants to know its own name, incarnation or release.
    #[must_use]
    pub fn boot<F>(self, program: impl Fn(Boot) -> F + Clone + Send + Sync + 'static) -> Topology
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Self { topology, name, store, replicas, supervised } = self;
        (1..=replicas).fold(topology, |topology, number| {
            let process = format_smolstr!("{name}-{number}");
            let topology = topology.process(&process, &name, &store, program.clone());
            if supervised { topology.supervised() } else { topology }
        })
    }
}
