//! What comes again and again is done once.

use std::{collections::BTreeMap, pin::pin, sync::Arc, task::Poll};

use futures_util::future::join;
use seaworthy_core::{
    aggregate::{Cause, Tracked},
    conformance::block_on,
    inbox::{Consumer, ConsumerConfig, Handlers},
    message::{Message, MessageBuilder},
    ports::{Broker, Store, SubscriptionSpec},
    stop::Stop,
};
use seaworthy_memory::{
    ManualClock,
    broker::{BrokerConfig, MemoryBroker},
    store::MemoryStore,
};
use seaworthy_order_fulfillment::{
    documents::{ORDER_COLLECTION, OrderStatus, SHIPMENT_COLLECTION, STOCK_COLLECTION},
    messages::{ORDER_CONFIRMED, SHIPMENT_CREATED, SHIPMENT_DISPATCHED, SHIPMENT_REQUESTED, ShipmentReport},
    order::{MarkShipped, NoteShipment, Order, repository},
    requests::PlaceOrder,
    shipment::CreateShipment,
    stock::{SettleStock, level, stock_up, write_level},
};

use crate::handlers::{goods, sources, staged};

/// What a store holds, but for drawn numbers: the documents of each collection, and the types of what is staged.
type Left = (BTreeMap<&'static str, Vec<String>>, Vec<String>);

async fn left(store: &dyn Store) -> Left {
    let mut tx = store.begin().await.expect("a store");
    let mut documents = BTreeMap::new();
    for collection in [ORDER_COLLECTION, STOCK_COLLECTION, SHIPMENT_COLLECTION] {
        let found = tx.scan(collection, None, 100).await.expect("readable");
        let bodies = found.into_iter().map(|(_, document)| format!("v{} {:?}", document.version, document.body));
        documents.insert(collection, bodies.collect());
    }
    drop(tx);
    (documents, staged(store).await.iter().map(|message| message.kind.to_string()).collect())
}

/// A store of an order that is confirmed, with its goods reserved.
async fn confirmed() -> Arc<dyn Store> {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(ManualClock::new()));
    stock_up(&*store, &BTreeMap::from([("cd-1".into(), 5)])).await.expect("an empty store");
    let placed = PlaceOrder { id: "order-1".into(), sku: "cd-1".into(), quantity: 2, amount_cents: 0, customer: 1 };
    let mut order = Tracked::new(Order::placed(placed));
    order.change(|order| order.move_to(OrderStatus::Confirmed).expect("it was pending"));
    let mut tx = store.begin().await.expect("a store");
    repository(&sources()).save(&mut *tx, order, Cause::New).await.expect("a new order");
    let (mut stock, expected) = level(&mut *tx, "cd-1").await.expect("readable");
    (stock.available, stock.reserved) = (3, 2);
    write_level(&mut *tx, "cd-1", expected, &stock).await.expect("nobody else writes");
    tx.commit().await.expect("committed");
    store
}

fn handlers() -> Handlers {
    let orders = repository(&sources());
    let handlers = Handlers::builder()
        .on(SHIPMENT_REQUESTED, CreateShipment(sources()))
        .on(ORDER_CONFIRMED, SettleStock)
        .on(SHIPMENT_CREATED, NoteShipment(orders.clone()))
        .on(SHIPMENT_DISPATCHED, MarkShipped(orders));
    handlers.build().expect("one handler for one type")
}

/// One message of each type that has a handler.
fn messages() -> Vec<Message> {
    let dice = sources();
    let report = ShipmentReport { order: "order-1".into(), shipment: "shipment-9".into() };
    let about = |kind| MessageBuilder::new("test", kind, "order-1").topic("all");
    let goods = [ORDER_CONFIRMED, SHIPMENT_REQUESTED].map(|kind| about(kind).json(&goods()).expect("goods"));
    let reports = [SHIPMENT_CREATED, SHIPMENT_DISPATCHED].map(|kind| about(kind).json(&report).expect("a report"));
    goods.into_iter().chain(reports).map(|built| built.draw(&*dice.clock, &*dice.random)).collect()
}

/// Has a consumer handle each message that is published so often, to the end.
async fn handled(times: usize) -> Left {
    let (store, clock) = (confirmed().await, ManualClock::new());
    let broker = Arc::new(MemoryBroker::new(clock.clone(), BrokerConfig::default()));
    broker.declare(&SubscriptionSpec { group: "all".into(), topics: vec!["all".into()] });
    for message in messages() {
        for _ in 0..times {
            broker.publish(std::slice::from_ref(&message)).await.expect("up")[0].clone().expect("somebody listens");
        }
    }
    let (stop, random) = (Stop::new(), sources().random);
    let config = ConsumerConfig::new(["all"]);
    let consumer = Consumer::from_parts("all", store.clone(), broker.clone(), clock, random, handlers(), config);
    let consumer = consumer.stop(stop.clone()).run();
    let watch = async {
        while broker.pending() > 0 {
            let mut waited = false;
            std::future::poll_fn(|context| {
                context.waker().wake_by_ref();
                if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }
        stop.set();
    };
    join(pin!(consumer), pin!(watch)).await;
    left(&*store).await
}

#[test]
fn seed_61_each_handler_to_which_a_message_comes_up_to_ten_times_leaves_what_once_leaves() {
    block_on(async {
        let once = handled(1).await;
        let kinds = once.1.iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(kinds, [ORDER_CONFIRMED, SHIPMENT_CREATED, SHIPMENT_DISPATCHED], "each of them had its effect");
        assert!(once.0[STOCK_COLLECTION][0].contains(r#"\"sold\":2"#), "{once:?}");
        assert!(once.0[ORDER_COLLECTION][0].contains("shipped"), "{once:?}");
        for times in 2..=10 {
            assert_eq!(handled(times).await, once, "{times} times");
        }
    });
}

/// Asked for at any time after, it is as if once: it is no change, and so no event and no write.
#[test]
fn seed_61_an_order_that_is_cancelled_again_and_again_is_cancelled_once() {
    block_on(async {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(ManualClock::new()));
        let placed = PlaceOrder { id: "order-1".into(), sku: "cd-1".into(), quantity: 2, amount_cents: 0, customer: 1 };
        let orders = repository(&sources());
        let mut tx = store.begin().await.expect("a store");
        orders.save(&mut *tx, Tracked::new(Order::placed(placed)), Cause::New).await.expect("a new order");
        tx.commit().await.expect("committed");
        for _ in 0..10 {
            let mut tx = store.begin().await.expect("a store");
            let cancelled =
                orders.update_in(&mut *tx, "order-1", Cause::New, |order| order.move_to(OrderStatus::Cancelled));
            cancelled.await.expect("from pending, and from where it is");
            tx.commit().await.expect("committed");
        }
        let mut tx = store.begin().await.expect("a store");
        let order = orders.load(&mut *tx, "order-1").await.expect("readable").expect("placed");
        assert_eq!((order.status, order.version()), (OrderStatus::Cancelled, Some(2)));
    });
}
