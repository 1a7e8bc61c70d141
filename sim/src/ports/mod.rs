//! The ports of a simulated process: faithful state machines behind the fault shell, whose calls are told in the trace.
//!
//! The shell wraps any store, so what runs on the simulated one also runs, with the same fault points, on a real one.

mod broker;
mod clock;
mod decision;
mod intercept;
mod random;
mod transaction;

use std::sync::Arc;

use seaworthy_core::ports::{Broker, External, Ingress, Intercepted, Ports, UntilStop};

pub(crate) use clock::{TaskSpawner, WorldClock};

use intercept::Shell;

use crate::{
    kernel::{Incarnation, Requests, World},
    shell::Gate,
};

/// The ports of one incarnation.
pub(crate) fn ports(world: &Arc<World>, incarnation: &Arc<Incarnation>, spawner: Arc<TaskSpawner>) -> Ports {
    let gate = Gate::new(world.clone(), incarnation.clone());
    let stop = incarnation.stop.clone();
    let (name, store) = world.stores[world.store_of(incarnation.process)].clone();
    let shell = Shell::new(gate.clone(), name);
    let requests = Arc::new(Requests::new(world, incarnation)) as Arc<dyn Ingress>;
    Ports {
        store: Arc::new(Intercepted::new(store, shell.clone())),
        broker: Arc::new(Intercepted::new(Arc::new(world.broker.clone()) as Arc<dyn Broker>, shell.clone())),
        clock: Arc::new(clock::ProcessClock::new(gate.clone())),
        external: Arc::new(Intercepted::new(Arc::new(world.externals.clone()) as Arc<dyn External>, shell.clone())),
        random: Arc::new(random::ProcessRandom::new(&gate)),
        spawner,
        ingress: Arc::new(UntilStop::new(Arc::new(Intercepted::new(requests, shell)), stop.clone())),
        stop,
    }
}
