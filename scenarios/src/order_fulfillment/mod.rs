//! Order fulfilment under the storm: the services of `seaworthy-order-fulfillment`, two replicas each, unchanged.
//!
//! | module | what it is |
//! |---|---|
//! | [`OrderFulfillment`] | the scenario, and what its broken twins are made of |
//! | [`Orders`] | the workload: orders at their moments against a stock |
//! | [`orders_file`] | orders from a file |
//! | [`provider`] | the payment provider, which is not the service's |
//! | [`invariants`] | what must hold for orders |
//! | [`audit`] | the same invariants over what databases hold |

pub mod audit;
pub mod invariants;
pub mod orders_file;
pub mod provider;
mod workload;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use seaworthy_core::{
    ports::{Store, StoreTable, Timestamp},
    saga::Shape,
};
use seaworthy_order_fulfillment::{
    ClockAndRandom, Settings, Variant, checkout,
    json::encode,
    messages::{GROUPS, ORDERS_SERVICE, SHIPPING},
    orders,
    payments::PAYMENTS,
    requests::{CANCEL_ORDER, PLACE_ORDER},
    shipping,
    stock::stock_up,
};
use seaworthy_sim::{
    invariants::Invariant,
    scenario::{Client, Draw, Scenario, Topology},
};
use smol_str::{SmolStr, format_smolstr};

use provider::PaymentProvider;

pub use workload::{Orders, PlannedOrder};

/// The scenario, and its broken twins: they differ in their [`Variant`] only.
#[derive(Clone, Debug)]
pub struct OrderFulfillment {
    name: SmolStr,
    about: &'static str,
    variant: Variant,
    /// The checkouts of its releases, one after the other.
    checkouts: Vec<Arc<Shape>>,
    /// The orders of every plan that is drawn, where they are not drawn themselves.
    orders: Option<Arc<Orders>>,
    /// Names of invariants that are not asked for.
    left_out: &'static [&'static str],
    least_orders: usize,
    /// `true` if faults strike that spoil one piece of work for good.
    fails_for_good: bool,
}

impl Default for OrderFulfillment {
    fn default() -> Self {
        Self::new()
    }
}

impl OrderFulfillment {
    /// The scenario with everything right.
    pub fn new() -> Self {
        Self::with_variant(
            SmolStr::new_static("order_fulfillment"),
            "a checkout saga, outbox, relay and inbox over two services; everything is right",
            Variant::default(),
        )
        .fails_for_good()
    }

    /// The scenario with everything right while its next release is rolled out: a process that comes back as it checks new
    /// orders out in another order of steps, beside others that do not know that order yet.
    pub fn in_two_releases() -> Self {
        Self::twin(
            "two-releases",
            "the same while its next release, which charges before it reserves, is rolled out; everything is right",
            Variant { next_checkout: Some(checkout::charging_first), ..Variant::default() },
        )
        .fails_for_good()
    }

    /// Returns a twin that runs `variant`; `name` is appended to the name of the scenario.
    pub fn twin(name: &str, about: &'static str, variant: Variant) -> Self {
        Self::with_variant(format_smolstr!("order_fulfillment/{name}"), about, variant)
    }

    fn with_variant(name: SmolStr, about: &'static str, variant: Variant) -> Self {
        let checkouts = variant.checkouts(2, &ClockAndRandom::dummy()).expect("the steps of the checkout fit together");
        let checkouts = checkouts.iter().map(|checkout| checkout.shape().clone()).collect();
        Self { name, about, variant, checkouts, orders: None, left_out: &[], least_orders: 1, fails_for_good: false }
    }

    /// The same under faults that spoil one piece of work again and again, which a service has to cope with that is right.
    #[must_use]
    fn fails_for_good(self) -> Self {
        Self { fails_for_good: true, ..self }
    }

    /// The same with these orders in every plan that is drawn, for example those of a file.
    #[must_use]
    pub fn with_orders(self, orders: Orders) -> Self {
        Self { orders: Some(Arc::new(orders)), ..self }
    }

    /// Leaves out invariants of the protocol by name: those that whoever wrote it that way would not have asked for.
    #[must_use]
    pub fn without(self, left_out: &'static [&'static str]) -> Self {
        Self { left_out, ..self }
    }

    /// Sets the number of orders that it takes for its mistake to show.
    #[must_use]
    pub fn least_orders(self, least_orders: usize) -> Self {
        Self { least_orders, ..self }
    }

    /// Returns its variant.
    pub fn variant(&self) -> Variant {
        self.variant
    }
}

#[async_trait]
impl Scenario for OrderFulfillment {
    type Workload = Orders;

    fn name(&self) -> &str {
        &self.name
    }

    fn about(&self) -> &str {
        self.about
    }

    fn topology(&self) -> Topology {
        let (variant, settings) = (self.variant, Settings::default());
        let orders = {
            let settings = settings.clone();
            move |boot| orders::orders(boot, variant, settings.clone())
        };
        let shipping = move |boot| shipping::shipping(boot, variant, settings.clone());
        let topology = Topology::new()
            .service(ORDERS_SERVICE)
            .replicas(2)
            .boot(orders)
            .service(SHIPPING)
            .replicas(2)
            .boot(shipping)
            .external(PAYMENTS, PaymentProvider::default);
        // An order is placed by one request, and leaves two messages in a store at most, each of which is handled once.
        let topology = topology
            .keeps_per_item(StoreTable::Outbox, 2)
            .keeps_per_item(StoreTable::Inbox, 2)
            .keeps_per_item(StoreTable::DeadLetters, 1)
            .keeps_per_item(StoreTable::Watermarks, 1)
            .keeps_per_item(StoreTable::Operations, 1)
            .keeps_per_item(StoreTable::Sagas, 1);
        let topology = self.checkouts.iter().fold(topology, Topology::saga);
        let topology = if self.variant.next_checkout.is_some() { topology.next_release() } else { topology };
        let topology = if self.fails_for_good { topology.fails_for_good() } else { topology };
        let topology = GROUPS.iter().fold(topology, |topology, (group, topics)| topology.group(group, topics));
        self.left_out.iter().fold(topology, |topology, name| topology.without(name))
    }

    fn workload(&self, draw: &mut Draw) -> Orders {
        self.orders.as_deref().map_or_else(|| Orders::draw(draw), Orders::clone)
    }

    fn invariants(&self, workload: &Orders) -> Vec<Box<dyn Invariant>> {
        invariants::business(workload)
    }

    async fn prepare(&self, workload: &Orders, store: &(dyn Fn(&str) -> Arc<dyn Store> + Send + Sync)) {
        stock_up(&*store(ORDERS_SERVICE), &workload.stock).await.expect("an empty store takes the first stock");
    }

    async fn drive(&self, workload: &Orders, client: Client) {
        let mut now_ms = 0;
        for order in &workload.orders {
            if order.at_ms > now_ms {
                client.sleep(Duration::from_millis(order.at_ms - now_ms)).await;
                now_ms = order.at_ms;
            }
            let (asker, order) = (client.clone(), order.clone());
            // A task for each order that waits for its answer: as many as there are at a time, not as there are orders.
            client.spawn(async move {
                // A refusal is an answer too; the invariants judge what became of the order.
                let _ = asker.ask(ORDERS_SERVICE, PLACE_ORDER, encode(&order.request())).await;
                if let Some(after_ms) = order.cancel_after_ms {
                    asker.sleep(Duration::from_millis(after_ms)).await;
                    let _ = asker.ask(ORDERS_SERVICE, CANCEL_ORDER, order.id.as_str().to_owned().into()).await;
                }
            });
        }
    }

    fn least_items(&self) -> usize {
        self.least_orders
    }

    fn shares_threads(&self) -> bool {
        true
    }

    fn epoch(&self) -> Timestamp {
        // 1 January 1997: the first day of the orders that ship with the project.
        Timestamp::from_millis(852_076_800_000)
    }
}
