use std::sync::Arc;

use async_trait::async_trait;
use seaworthy_core::ports::{Store, Timestamp};
use seaworthy_scenarios::order_fulfillment::{OrderFulfillment, Orders};
use seaworthy_sim::{
    invariants::Invariant,
    scenario::{Client, Draw, Scenario, Topology},
};

/// Order fulfillment with one order in each plan: the unit in which lifecycles are counted.
#[derive(Default)]
pub struct OneOrder(OrderFulfillment);

#[async_trait]
impl Scenario for OneOrder {
    type Workload = Orders;

    fn name(&self) -> &str {
        self.0.name()
    }

    fn about(&self) -> &str {
        "order fulfillment, one order at a time"
    }

    fn topology(&self) -> Topology {
        self.0.topology()
    }

    fn workload(&self, draw: &mut Draw) -> Orders {
        let mut orders = self.0.workload(draw);
        orders.orders.truncate(1);
        orders
    }

    fn invariants(&self, workload: &Orders) -> Vec<Box<dyn Invariant>> {
        self.0.invariants(workload)
    }

    async fn prepare(&self, workload: &Orders, store: &(dyn Fn(&str) -> Arc<dyn Store> + Send + Sync)) {
        self.0.prepare(workload, store).await;
    }

    async fn drive(&self, workload: &Orders, client: Client) {
        self.0.drive(workload, client).await;
    }

    fn shares_threads(&self) -> bool {
        self.0.shares_threads()
    }

    fn epoch(&self) -> Timestamp {
        self.0.epoch()
    }
}
