use futures_util::future::BoxFuture;
use seaworthy_core::{
    outbox::Relay,
    ports::Ports,
    saga::{Definition, DefinitionError, DriveOutcome},
    wake::Wake,
};

use crate::{checkout, clock_and_random::ClockAndRandom, requests::PlaceOrder, settings::Settings, shipment};

/// Maker of a definition of the checkout.
pub type Checkout = fn(&ClockAndRandom) -> Result<Definition<PlaceOrder>, DefinitionError>;

/// The parts of the services that may be written in another way. [`Variant::default`] is what production runs; each broken
/// twin of the scenarios replaces one of them.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// Publishes what was staged, in both services.
    pub relay: fn(Ports, Settings, Wake) -> BoxFuture<'static, ()>,
    /// Consumes requests for shipments in `shipping`.
    pub shipping_consumer: fn(Ports, Settings, Wake) -> BoxFuture<'static, ()>,
    /// Definition of the checkout saga.
    pub checkout: Checkout,
    /// Definition that the next release has beside it, where there is a next release: new orders are checked out by it.
    pub next_checkout: Option<Checkout>,
    /// Work of the replica that drove a checkout, after it came to rest.
    pub after_checkout: fn(Ports, PlaceOrder, DriveOutcome) -> BoxFuture<'static, ()>,
}

impl Default for Variant {
    fn default() -> Self {
        Self {
            relay: |ports, settings, wake| {
                Box::pin(async move { Relay::new(&ports).config(settings.relay()).wake(wake).run().await })
            },
            shipping_consumer: |ports, settings, wake| Box::pin(shipment::consume(ports, settings, wake)),
            checkout: checkout::checkout,
            next_checkout: None,
            after_checkout: |_, _, _| Box::pin(async {}),
        }
    }
}

impl Variant {
    /// Returns the definitions of the checkout that a release knows: its own, and those that others may have begun.
    ///
    /// # Errors
    /// [`DefinitionError`] if the steps of one do not fit together.
    pub fn checkouts(
        &self,
        release: u32,
        sources: &ClockAndRandom,
    ) -> Result<Vec<Definition<PlaceOrder>>, DefinitionError> {
        let known = [Some(self.checkout), self.next_checkout.filter(|_| release > 1)];
        known.into_iter().flatten().map(|definition| definition(sources)).collect()
    }
}
