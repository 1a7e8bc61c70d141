//! The two services, over the ports of the core: production runs these very functions.
//!
//! | module | what it is |
//! |---|---|
//! | [`orders`] | one replica of `orders`: requests, checkout, recovery, relay, consumer |
//! | [`checkout`] | the saga and its steps |
//! | [`order`] | the order: its life cycle and the message of its confirmation |
//! | [`stock`] | stock levels |
//! | [`shipping`] | one replica of `shipping`: consumer, shipment, relay |
//! | [`upkeep`] | retention |
//! | [`Settings`] | how often and how long |
//! | [`Own`] | a process's own clock and randomness |
//! | [`Pieces`] | the parts that a broken twin replaces |

pub mod checkout;
pub mod order;
pub mod orders;
mod settings;
pub mod shipping;
pub mod stock;
pub mod upkeep;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use seaworthy_core::{
    outbox::Relay,
    ports::{Clock, Ports, Random, Timestamp},
    saga::{Definition, DefinitionError, Rest},
    wake::Wake,
};

pub use settings::Settings;

use super::PlaceOrder;

/// A process's own clock and randomness, for ids and times of what it makes.
#[derive(Clone)]
pub struct Own {
    /// Its clock.
    pub clock: Arc<dyn Clock>,
    /// Its randomness.
    pub random: Arc<dyn Random>,
}

impl Own {
    /// Those of a process with these ports.
    pub fn of(ports: &Ports) -> Self {
        Self { clock: ports.clock.clone(), random: ports.random.clone() }
    }

    /// Those of no process: time stands still and dice show zero. For looking at a definition, not for running it.
    pub fn of_nobody() -> Self {
        Self { clock: Arc::new(Nobody), random: Arc::new(Nobody) }
    }
}

struct Nobody;

#[async_trait]
impl Clock for Nobody {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH
    }

    async fn sleep(&self, _: Duration) {
        std::future::pending::<()>().await;
    }
}

impl Random for Nobody {
    fn next_u64(&self) -> u64 {
        0
    }
}

/// The parts of the services that can be written wrongly. [`Pieces::default`] has them right; each broken twin replaces
/// one of them.
#[derive(Clone, Copy, Debug)]
pub struct Pieces {
    /// Publishes what was staged, in both services.
    pub relay: fn(Ports, Settings, Wake) -> BoxFuture<'static, ()>,
    /// Consumes requests for shipments in `shipping`.
    pub shipping_consumer: fn(Ports, Wake) -> BoxFuture<'static, ()>,
    /// The saga.
    pub checkout: fn(&Own) -> Result<Definition<PlaceOrder>, DefinitionError>,
    /// What the replica that drove a checkout does after it came to rest.
    pub after_checkout: fn(Ports, PlaceOrder, Rest) -> BoxFuture<'static, ()>,
}

impl Default for Pieces {
    fn default() -> Self {
        Self {
            relay: |ports, settings, wake| {
                Box::pin(async move { Relay::of(&ports, settings.relay(), wake).run(ports.stop.clone()).await })
            },
            shipping_consumer: |ports, wake| Box::pin(shipping::consume_with_inbox(ports, wake)),
            checkout: checkout::checkout,
            after_checkout: |_, _, _| Box::pin(async {}),
        }
    }
}

/// Starts tasks that live as long as the process.
fn run_beside<const N: usize>(ports: &Ports, tasks: [(&'static str, BoxFuture<'static, ()>); N]) {
    for (name, task) in tasks {
        ports.spawner.spawn(name, task);
    }
}
