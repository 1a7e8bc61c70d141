use std::sync::Arc;

use seaworthy_core::{
    boot::Boot,
    ports::{Broker, Clock, Ingress, Store},
};
use seaworthy_order_fulfillment::{Settings, Variant, orders, shipping};
use seaworthy_sim::cli::CliError;
use seaworthy_tokio::{Parts, Process};

use super::{payments::PaymentsOnDisk, stores::Stores};

/// Parts of a shop that runs on this machine.
pub(crate) struct Shop {
    pub(crate) variant: Variant,
    pub(crate) stores: Stores,
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) ingress: Arc<dyn Ingress>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: Settings,
}

impl Shop {
    /// Starts two replicas of each service, as in the simulation.
    pub(crate) fn start(&self) -> Result<Vec<Process>, CliError> {
        let mut replicas = Vec::new();
        for number in 1..=2 {
            let (variant, settings) = (self.variant, self.settings.clone());
            let (replica, boot) = self.process(&self.stores.orders, format!("orders-{number}"))?;
            replica.start("orders", |_| orders::orders(boot, variant, settings.clone()));
            replicas.push(replica);
            let (replica, boot) = self.process(&self.stores.shipping, format!("shipping-{number}"))?;
            replica.start("shipping", |_| shipping::shipping(boot, variant, settings));
            replicas.push(replica);
        }
        Ok(replicas)
    }

    /// Makes a process of the shop that runs nothing yet.
    pub(crate) fn process(&self, store: &Arc<dyn Store>, name: String) -> Result<(Process, Boot), CliError> {
        let process = Process::new(Parts {
            store: store.clone(),
            broker: self.broker.clone(),
            external: Arc::new(PaymentsOnDisk(self.stores.payments.clone())),
            ingress: self.ingress.clone(),
        })?;
        let mut boot = process.boot(name);
        boot.ports.clock = self.clock.clone();
        Ok((process, boot))
    }
}
