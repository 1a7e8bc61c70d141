//! Handlers on the store in memory: what one message does in its transaction.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{self, AtomicU64},
    },
    time::Duration,
};

use seaworthy_core::{
    conformance::block_on,
    ids::ClaimToken,
    inbox::{Handler, HandlerError},
    message::{Message, MessageBuilder},
    ports::{ClaimRequest, Expected, OutboxOrder, Random, Store, StoreError, WhenDead, draw_id},
};
use seaworthy_memory::{ManualClock, store::MemoryStore};
use seaworthy_order_fulfillment::{
    ClockAndRandom,
    documents::{SHIPMENT_COLLECTION, Shipment, StockLevel},
    json::encode,
    messages::{
        Goods, ORDER_CONFIRMED, ORDERS_SERVICE, SHIPMENT_CREATED, SHIPMENT_DISPATCHED, SHIPMENT_EVENTS,
        SHIPMENT_REQUESTED, ShipmentReport,
    },
    shipment::CreateShipment,
    stock::{SettleStock, level, stock_up, write_level},
};

/// Dice that count: no two ids are the same.
#[derive(Default)]
struct Counter(AtomicU64);

impl Random for Counter {
    fn next_u64(&self) -> u64 {
        self.0.fetch_add(1, atomic::Ordering::Relaxed)
    }
}

pub(crate) fn sources() -> ClockAndRandom {
    ClockAndRandom { clock: ManualClock::new(), random: Arc::new(Counter::default()) }
}

fn message(kind: &str, content: &Goods) -> Message {
    let ClockAndRandom { clock, random } = sources();
    let message = MessageBuilder::new(ORDERS_SERVICE, kind, content.order.clone());
    message.json(content).expect("goods have a JSON form").draw(&*clock, &*random)
}

pub(crate) fn goods() -> Goods {
    Goods { order: "order-1".into(), sku: "cd-1".into(), quantity: 2 }
}

pub(crate) async fn staged(store: &dyn Store) -> Vec<Message> {
    let ClockAndRandom { clock, random } = sources();
    let request = ClaimRequest {
        token: ClaimToken(draw_id(&*clock, &*random)),
        limit: 10,
        lease: Duration::from_secs(30),
        ordering: OutboxOrder::Unordered,
        when_dead: WhenDead::BlockKey,
        except_topics: Vec::new(),
    };
    let rows = store.claim(&request).await.expect("a store");
    rows.into_iter().map(|row| row.message).collect()
}

#[test]
fn a_shipment_and_both_reports_of_it_commit_together_or_not_at_all() {
    block_on(async {
        let store = MemoryStore::new(ManualClock::new());
        let create = CreateShipment(sources());
        let request = message(SHIPMENT_REQUESTED, &goods());

        let mut tx = store.begin().await.expect("a store");
        create.handle(&mut *tx, &request).await.expect("a good request");
        drop(tx);
        let shipments =
            store.begin().await.expect("a store").scan(SHIPMENT_COLLECTION, None, 10).await.expect("readable");
        assert_eq!((shipments, staged(&store).await), (vec![], vec![]), "what is not committed is not there");

        let mut tx = store.begin().await.expect("a store");
        create.handle(&mut *tx, &request).await.expect("a good request");
        tx.commit().await.expect("committed");
        let shipments =
            store.begin().await.expect("a store").scan(SHIPMENT_COLLECTION, None, 10).await.expect("readable");
        let [(number, document)] = &shipments[..] else { panic!("one shipment: {shipments:?}") };
        let shipment: Shipment = serde_json::from_slice(&document.body).expect("a shipment");
        assert_eq!(shipment, Shipment { order: "order-1".into(), sku: "cd-1".into(), quantity: 2 });
        let reports = staged(&store).await;
        let kinds: Vec<&str> = reports.iter().map(|report| &*report.kind).collect();
        assert_eq!(kinds, [SHIPMENT_CREATED, SHIPMENT_DISPATCHED]);
        for report in reports {
            assert_eq!((&*report.topic, report.causation_id), (SHIPMENT_EVENTS, Some(request.id)));
            let told: ShipmentReport = report.json().expect("a report");
            assert_eq!(told, ShipmentReport { order: "order-1".into(), shipment: number.clone() });
        }
    });
}

#[test]
fn a_confirmed_order_takes_from_the_stock_what_was_reserved_for_it() {
    block_on(async {
        let store = MemoryStore::new(ManualClock::new());
        stock_up(&store, &BTreeMap::from([("cd-1".into(), 5)])).await.expect("an empty store");
        let mut tx = store.begin().await.expect("a store");
        let (stocked, expected) = level(&mut *tx, "cd-1").await.expect("readable");
        assert_eq!(stocked, StockLevel { available: 5, reserved: 0, sold: 0 });
        let reserved = StockLevel { available: 3, reserved: 2, sold: 0 };
        write_level(&mut *tx, "cd-1", expected, &reserved).await.expect("nobody else writes");
        SettleStock.handle(&mut *tx, &message(ORDER_CONFIRMED, &goods())).await.expect("a good message");
        let (settled, _) = level(&mut *tx, "cd-1").await.expect("readable");
        assert_eq!(settled, StockLevel { available: 3, reserved: 0, sold: 2 });
    });
}

#[test]
fn a_store_is_stocked_up_once() {
    block_on(async {
        let store = MemoryStore::new(ManualClock::new());
        let units = BTreeMap::from([("cd-1".into(), 5), ("cd-2".into(), u64::MAX)]);
        stock_up(&store, &units).await.expect("an empty store");
        let again = stock_up(&store, &units).await;
        assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}");
        let mut tx = store.begin().await.expect("a store");
        let (level, expected) = level(&mut *tx, "cd-2").await.expect("readable");
        assert_eq!((level.available, expected), (i64::MAX, Expected::Version(1)));
    });
}

#[test]
fn a_message_without_goods_is_rejected_for_good() {
    block_on(async {
        let store = MemoryStore::new(ManualClock::new());
        let mut unreadable = message(SHIPMENT_REQUESTED, &goods());
        unreadable.data = encode(&"nothing");
        let mut tx = store.begin().await.expect("a store");
        let error = CreateShipment(ClockAndRandom::dummy()).handle(&mut *tx, &unreadable).await.expect_err("no goods");
        assert!(matches!(error, HandlerError::Undecodable(_)), "{error:?}");
    });
}
