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
//! | [`Pieces`] | the parts that a broken twin replaces |

pub mod checkout;
pub mod order;
pub mod orders;
mod settings;
pub mod shipping;
pub mod stock;
pub mod upkeep;

use futures_util::future::BoxFuture;
use seaworthy_core::{
    outbox::Relay,
    ports::Ports,
    saga::{Definition, DefinitionError, Rest},
    wake::Wake,
};

pub use settings::Settings;

use super::PlaceOrder;

/// The parts of the services that can be written wrongly. [`Pieces::default`] has them right; each broken twin replaces
/// one of them.
#[derive(Clone, Copy, Debug)]
pub struct Pieces {
    /// Publishes what was staged, in both services.
    pub relay: fn(Ports, Settings, Wake) -> BoxFuture<'static, ()>,
    /// Consumes requests for shipments in `shipping`.
    pub shipping_consumer: fn(Ports, Wake) -> BoxFuture<'static, ()>,
    /// The saga.
    pub checkout: fn(&Ports) -> Result<Definition<PlaceOrder>, DefinitionError>,
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
