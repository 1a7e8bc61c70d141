//! The ports of a simulated process: faithful state machines behind a shell that asks for a verdict at each call.
//!
//! The shell wraps any store, so what runs on the simulated one also runs, with the same fault points, on a real one.
//! A dead incarnation never gets past the door, nor past any wait behind it: its calls don't return.

mod answered;
mod broker;
mod call;
mod clock;
mod door;
mod external;
mod ingress;
mod random;
mod refusal;
mod store;
mod strike;
mod transaction;

use std::sync::Arc;

use seaworthy_core::{
    ports::{Ports, UntilStop},
    stop::Stop,
};

pub(crate) use clock::WorldClock;
pub(crate) use door::Door;

use crate::kernel::{Life, World};

/// The ports of one incarnation.
pub(crate) fn ports(world: &Arc<World>, life: &Arc<Life>, spawner: Arc<clock::TaskSpawner>) -> Ports {
    let door = Door::new(world.clone(), life.clone());
    let stop = Stop::new();
    Ports {
        store: Arc::new(store::StoreShell::new(door.clone())),
        broker: Arc::new(broker::BrokerShell::new(door.clone())),
        clock: Arc::new(clock::ProcessClock::new(door.clone())),
        external: Arc::new(external::ExternalShell::new(door.clone())),
        random: Arc::new(random::ProcessRandom::new(&door)),
        spawner,
        ingress: Arc::new(UntilStop::new(Arc::new(ingress::IngressShell::new(door)), stop.clone())),
        stop,
    }
}

pub(crate) use clock::TaskSpawner;
