//! Orders and stock outside the simulation: on tokio, with a file of documents for each context, in both variants.

use std::{collections::BTreeMap, future::Future, path::Path, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use seaworthy_core::ports::{Ports, Store};
use seaworthy_order_inventory::{
    choreographed,
    inventory::stock_up,
    messages::{COMMANDS, EVENTS, Line},
    orchestrated,
    orders::{LOOK_UP_ORDER, Order, OrderStatus, PLACE_ORDER, PlaceOrder},
    parts::encode,
};
use seaworthy_redb::{RedbConfig, RedbStore};
use seaworthy_tokio::{LocalBroker, LocalExternal, LocalIngress, Parts, Process, TokioClock};
use smol_str::SmolStr;

type Main = fn(Ports) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// What is wanted of each article, in the order in which it is asked for: there are five apples and one pear.
const WANTED: [(&str, &[(&str, u32)]); 4] = [
    ("first", &[("apple", 3), ("pear", 1)]),
    ("second", &[("apple", 1), ("pear", 1)]),
    ("third", &[("apple", 2)]),
    ("fourth", &[("apple", 1)]),
];

fn process(
    folder: &Path,
    file: &str,
    broker: &Arc<LocalBroker>,
    ingress: Arc<LocalIngress>,
) -> (Arc<dyn Store>, Process) {
    let store = RedbStore::open(folder.join(file), Arc::new(TokioClock), RedbConfig::default());
    let store: Arc<dyn Store> = Arc::new(store.expect("a new file"));
    let parts =
        Parts { store: store.clone(), broker: broker.clone(), external: Arc::new(LocalExternal::new()), ingress };
    (store, Process::new(parts).expect("this machine has entropy"))
}

/// Asks for one order after the other, each once the one before it has come to an end, and returns the ends.
async fn ends_of(
    orders: Main,
    inventory: Main,
    groups: &[(&'static str, &'static [&'static str])],
) -> BTreeMap<SmolStr, Order> {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Arc::new(LocalBroker::default());
    for (group, topics) in groups {
        broker.declare(*group, topics.iter().copied());
    }
    let (customers, nobody) = (Arc::new(LocalIngress::new(8)), Arc::new(LocalIngress::new(1)));
    let (_, ordering) = process(folder.path(), "orders.redb", &broker, customers.clone());
    let (stock, storing) = process(folder.path(), "inventory.redb", &broker, nobody);
    stock_up(&*stock, &BTreeMap::from([("apple".into(), 5), ("pear".into(), 1)])).await.expect("an empty store");
    ordering.start("orders", orders);
    storing.start("inventory", inventory);
    let mut ends = BTreeMap::new();
    for (id, lines) in WANTED {
        let lines = lines.iter().map(|(sku, units)| Line { sku: (*sku).into(), units: *units }).collect();
        let order = PlaceOrder { id: id.into(), lines };
        customers.ask(PLACE_ORDER, encode(&order)).await.expect("it is taken");
        let end = loop {
            let told = customers.ask(LOOK_UP_ORDER, Bytes::from(id)).await;
            // The saga opens the order after its request was answered.
            if let Ok(order) = told.map(|told| serde_json::from_slice::<Order>(&told).expect("an order"))
                && order.status != OrderStatus::Pending
            {
                break order;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        ends.insert(end.id.clone(), end);
    }
    for process in [ordering, storing] {
        process.health().expect("none of its tasks has ended");
        process.stop().await.expect("it stops");
    }
    ends
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seed_57_orders_and_stock_agree_on_files_of_documents_in_both_variants_outside_the_simulation() {
    let events = ends_of(
        |ports| Box::pin(choreographed::orders(ports)),
        |ports| Box::pin(choreographed::inventory(ports)),
        &EVENTS,
    );
    let saga = ends_of(
        |ports| Box::pin(orchestrated::orders(ports)),
        |ports| Box::pin(orchestrated::inventory(ports)),
        &COMMANDS,
    );
    let (events, saga) =
        tokio::time::timeout(Duration::from_secs(120), async { (events.await, saga.await) }).await.expect("each ends");
    assert_eq!(events, saga);
    let status = |id: &str| events[id].status;
    assert_eq!(
        ["first", "second", "third", "fourth"].map(status),
        [OrderStatus::Confirmed, OrderStatus::Failed, OrderStatus::Confirmed, OrderStatus::Failed],
        "{events:?}"
    );
}
