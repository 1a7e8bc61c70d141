use std::sync::Arc;

use futures_util::future::{FutureExt, select_all};
use seaworthy_core::{
    boot::Boot,
    ports::{Broker, Clock, Ingress, Store},
};
use seaworthy_order_fulfillment::{Settings, Variant, orders, shipping};
use seaworthy_sim::cli::CliError;
use seaworthy_tokio::{Died, Parts, Process};
use smol_str::SmolStr;

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
    pub(crate) fn start(&self) -> Result<Replicas, CliError> {
        let mut replicas = Replicas::default();
        for number in 1..=2 {
            let (variant, settings) = (self.variant, self.settings.clone());
            let (replica, boot) = self.process(&self.stores.orders, format!("orders-{number}"))?;
            let name = boot.name.clone();
            replica.start("orders", |_| orders::orders(boot, variant, settings.clone()));
            replicas.add(name, replica);
            let (replica, boot) = self.process(&self.stores.shipping, format!("shipping-{number}"))?;
            let name = boot.name.clone();
            replica.start("shipping", |_| shipping::shipping(boot, variant, settings));
            replicas.add(name, replica);
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

/// The processes of a shop, by name.
#[derive(Default)]
pub(crate) struct Replicas(Vec<(SmolStr, Process)>);

impl Replicas {
    pub(crate) fn add(&mut self, name: SmolStr, process: Process) {
        self.0.push((name, process));
    }

    /// Waits until one of them is not whole any more, and says which, and why.
    pub(crate) async fn died(&self) -> String {
        let died =
            self.0.iter().map(|(name, process)| async move { format!("{name}: {}", process.died().await) }.boxed());
        select_all(died).await.0
    }

    /// Asks them all to stop, and waits until they have: each may wait for another's acknowledgement.
    pub(crate) async fn stop(&self) -> Result<(), Died> {
        for (_, process) in &self.0 {
            process.ports().stop.set();
        }
        for (_, process) in &self.0 {
            process.stop().await?;
        }
        Ok(())
    }
}
