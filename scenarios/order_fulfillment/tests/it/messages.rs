//! What the two services say to each other, to the letter.

use std::sync::Arc;

use seaworthy_core::{
    aggregate::{Cause, Tracked},
    conformance::block_on,
    inbox::Handler,
    message::Message,
    ports::Store,
};
use seaworthy_memory::{ManualClock, store::MemoryStore};
use seaworthy_order_fulfillment::{
    documents::OrderStatus,
    order::{Order, repository},
    requests::PlaceOrder,
    shipment::CreateShipment,
};

use crate::handlers::{sources, staged};

/// Type, topic, key and payload, with the drawn number of a shipment left out.
fn said(message: &Message) -> [String; 4] {
    let payload = std::str::from_utf8(&message.data).expect("JSON");
    let payload = match payload.split_once("\"shipment-") {
        Some((before, _)) => format!("{before}\"shipment-N\"}}"),
        None => payload.to_owned(),
    };
    [message.kind.to_string(), message.topic.to_string(), message.partition_key.to_string(), payload]
}

/// The only event of an order that anybody else hears of is its confirmation; the others are ignored by name.
#[test]
fn seed_08_each_message_between_the_services_is_what_was_agreed_on() {
    block_on(async {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(ManualClock::new()));
        let orders = repository(&sources());
        let placed =
            PlaceOrder { id: "order-1".into(), sku: "cd-1".into(), quantity: 2, amount_cents: 2_198, customer: 7 };
        let mut order = Tracked::new(Order::placed(placed));
        for status in [OrderStatus::Confirmed, OrderStatus::Shipped] {
            order.change(|order| order.move_to(status).expect("the next one"));
        }
        let mut tx = store.begin().await.expect("a store");
        orders.save(&mut *tx, order, Cause::New).await.expect("a new order");
        tx.commit().await.expect("committed");
        let confirmed = staged(&*store).await;
        let goods = r#"{"order":"order-1","sku":"cd-1","quantity":2}"#;
        let agreed = ["order.confirmed", "orders", "order-1", goods].map(str::to_owned);
        assert_eq!(confirmed.iter().map(said).collect::<Vec<_>>(), [agreed]);
        assert_eq!((&*confirmed[0].source, &*confirmed[0].content_type), ("orders", "application/json"));

        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(ManualClock::new()));
        let mut tx = store.begin().await.expect("a store");
        CreateShipment(sources()).handle(&mut *tx, &confirmed[0]).await.expect("goods");
        tx.commit().await.expect("committed");
        let report = r#"{"order":"order-1","shipment":"shipment-N"}"#;
        let agreed = ["shipment.created", "shipment.dispatched"]
            .map(|kind| [kind, "shipments", "order-1", report].map(str::to_owned));
        assert_eq!(staged(&*store).await.iter().map(said).collect::<Vec<_>>(), agreed);
    });
}
