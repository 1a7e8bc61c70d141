//! The ports of a simulated process: faithful state machines behind a shell that asks for a verdict at each call.
//!
//! The shell wraps any store, so what runs on the simulated one also runs, with the same fault points, on a real one.
//! A dead incarnation never gets past the door, nor past any wait behind it: its calls don't return.

mod answered;
mod broker;
mod call;
mod clock;
mod decision;
mod door;
mod external;
mod ingress;
mod intercept;
mod random;
mod store;
mod strike;
mod told;
mod transaction;

use std::sync::Arc;

use seaworthy_core::ports::{Broker, External, Intercepted, Ports, UntilStop};

pub(crate) use clock::WorldClock;
pub(crate) use door::Door;

use intercept::Shell;

use crate::kernel::{Life, World};

/// The ports of one incarnation.
pub(crate) fn ports(world: &Arc<World>, life: &Arc<Life>, spawner: Arc<clock::TaskSpawner>) -> Ports {
    let door = Door::new(world.clone(), life.clone());
    let stop = life.stop.clone();
    let (name, store) = world.stores[world.store_of(life.process)].clone();
    let shell = Shell::new(door.clone(), name);
    Ports {
        store: Arc::new(Intercepted::new(store, shell.clone())),
        broker: Arc::new(Intercepted::new(Arc::new(world.broker.clone()) as Arc<dyn Broker>, shell.clone())),
        clock: Arc::new(clock::ProcessClock::new(door.clone())),
        external: Arc::new(Intercepted::new(Arc::new(world.externals.clone()) as Arc<dyn External>, shell)),
        random: Arc::new(random::ProcessRandom::new(&door)),
        spawner,
        ingress: Arc::new(UntilStop::new(Arc::new(ingress::IngressShell::new(door)), stop.clone())),
        stop,
    }
}

pub(crate) use clock::TaskSpawner;
