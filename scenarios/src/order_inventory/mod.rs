//! Orders and stock in two contexts, choreographed and orchestrated: the scenario of `seaworthy-order-inventory`.
//!
//! Customers order several articles at once, all or nothing, and some call their order off: at once, or when it has long come to its
//! end. The first orders come together and want little; later ones come alone, to what the first have left. So without a fault each
//! order comes to the same end in both variants, whatever its messages take (see [`Wishes::draw`]).

mod invariants;
mod workload;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::{BoxFuture, join_all};
use seaworthy_core::{
    ports::{Ports, Store},
    saga::Shape,
};
use seaworthy_order_inventory::{
    choreographed,
    inventory::stock_up,
    messages::{COMMANDS, EVENTS, INVENTORY, ORDERS},
    orchestrated,
    orders::{CANCEL_ORDER, PLACE_ORDER, shape},
    parts::encode,
};
use seaworthy_sim::{invariants::Invariant, prelude::*};
use smol_str::{SmolStr, format_smolstr};

pub use workload::{Wish, Wishes};

/// Requests with which a customer calls an order off, side by side: impatience, which also keeps a single one that is held up from
/// coming later than the answer.
const CANCEL_REQUESTS: usize = 3;

/// One replica of a context.
pub type Program = fn(Ports) -> BoxFuture<'static, ()>;

/// The scenario: one of the two variants, or one of them with a mistake in one of its contexts.
#[derive(Clone, Debug)]
pub struct OrderInventory {
    name: SmolStr,
    about: &'static str,
    orders: Program,
    inventory: Program,
    groups: [(&'static str, &'static [&'static str]); 2],
    sagas: fn() -> Option<Arc<Shape>>,
    bears_what_fails_for_good: bool,
}

impl OrderInventory {
    /// The variant without a conductor: each context acts on the events of the other.
    pub fn choreographed() -> Self {
        Self {
            name: SmolStr::new_static("order_inventory/choreographed"),
            about: "orders and stock agree by events alone; everything is right",
            orders: |ports| Box::pin(choreographed::orders(ports)),
            inventory: |ports| Box::pin(choreographed::inventory(ports)),
            groups: EVENTS,
            sagas: || None,
            bears_what_fails_for_good: true,
        }
    }

    /// The variant with one: a saga of `orders` asks `inventory` and waits for its answer.
    pub fn orchestrated() -> Self {
        Self {
            name: SmolStr::new_static("order_inventory/orchestrated"),
            about: "a saga of orders asks the stock for a reservation and waits for its answer; everything is right",
            orders: |ports| Box::pin(orchestrated::orders(ports)),
            inventory: |ports| Box::pin(orchestrated::inventory(ports)),
            groups: COMMANDS,
            sagas: || Some(shape()),
            bears_what_fails_for_good: true,
        }
    }

    /// Returns it with a mistake, which [`orders`](Self::orders) or [`inventory`](Self::inventory) makes.
    pub fn with_mistake(self, slug: &str, about: &'static str) -> Self {
        Self { name: format_smolstr!("{}/{slug}", self.name), about, bears_what_fails_for_good: false, ..self }
    }

    /// Runs this for `orders`.
    #[must_use]
    pub fn orders(mut self, orders: Program) -> Self {
        self.orders = orders;
        self
    }

    /// Runs this for `inventory`.
    #[must_use]
    pub fn inventory(mut self, inventory: Program) -> Self {
        self.inventory = inventory;
        self
    }

    /// Runs no saga.
    #[must_use]
    pub fn without_saga(mut self) -> Self {
        self.sagas = || None;
        self
    }
}

#[async_trait]
impl Scenario for OrderInventory {
    type Workload = Wishes;

    fn name(&self) -> &str {
        &self.name
    }

    fn about(&self) -> &str {
        self.about
    }

    fn topology(&self) -> Topology {
        let topology = Topology::new().service(ORDERS).replicas(2).run(self.orders);
        let topology = topology.service(INVENTORY).replicas(2).run(self.inventory);
        let topology = self.groups.iter().fold(topology, |topology, (group, topics)| topology.group(group, topics));
        let topology = (self.sagas)().into_iter().fold(topology, |topology, shape| topology.saga(&shape));
        if self.bears_what_fails_for_good { topology.fails_for_good() } else { topology }
    }

    fn workload(&self, draw: &mut Draw) -> Wishes {
        Wishes::draw(draw)
    }

    fn invariants(&self, wishes: &Wishes) -> Vec<Box<dyn Invariant>> {
        invariants::business(wishes)
    }

    async fn prepare(&self, wishes: &Wishes, store: &(dyn Fn(&str) -> Arc<dyn Store> + Send + Sync)) {
        stock_up(&*store(INVENTORY), &wishes.stock).await.expect("an empty store takes the first stock");
    }

    async fn drive(&self, wishes: &Wishes, client: Client) {
        let mut now_ms = 0;
        for wish in &wishes.orders {
            if wish.at_ms > now_ms {
                client.sleep(Duration::from_millis(wish.at_ms - now_ms)).await;
                now_ms = wish.at_ms;
            }
            let (asker, wish) = (client.clone(), wish.clone());
            client.spawn(async move {
                // A refusal is an answer too; the invariants judge what became of the order.
                let _ = asker.ask(ORDERS, PLACE_ORDER, encode(&wish.request())).await;
                if let Some(after_ms) = wish.cancel_after_ms {
                    asker.sleep(Duration::from_millis(after_ms)).await;
                    let cancel = || asker.ask(ORDERS, CANCEL_ORDER, wish.id.as_str().to_owned().into());
                    join_all((0..CANCEL_REQUESTS).map(|_| cancel())).await;
                }
            });
        }
    }

    fn shares_threads(&self) -> bool {
        true
    }
}
