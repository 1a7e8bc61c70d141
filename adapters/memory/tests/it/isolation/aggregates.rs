//! Aggregates over every interleaving of those that change one.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    aggregate::{Aggregate, AggregateError, Cause, DomainEvent, MessageMap, Persistence, Repository, Tracked},
    conformance::block_on,
    ports::{Expected, Random, Store, StoreError, Transaction},
};
use seaworthy_memory::{ManualClock, store::MemoryStore};

use super::interleavings;

/// An order that is confirmed once: its event is the transition.
#[derive(Clone, Debug, PartialEq)]
struct Order {
    confirmed: bool,
}

struct Confirmed;

impl DomainEvent for Confirmed {
    const NAMES: &'static [&'static str] = &["Confirmed"];

    fn name(&self) -> &'static str {
        "Confirmed"
    }
}

impl Aggregate for Order {
    const NAME: &'static str = "order";
    type Event = Confirmed;

    fn id(&self) -> &str {
        "17"
    }

    fn transition(before: Option<&Self>, after: &Self) -> Option<Confirmed> {
        before.is_some_and(|before| !before.confirmed && after.confirmed).then_some(Confirmed)
    }
}

/// Keeps an order as one byte.
struct InOneByte;

#[async_trait]
impl Persistence<Order> for InOneByte {
    async fn load(&self, tx: &mut dyn Transaction, id: &str) -> Result<Option<(Order, u64)>, AggregateError> {
        let found = tx.get("order", id).await?;
        Ok(found.map(|document| (Order { confirmed: document.body[0] == 1 }, document.version)))
    }

    async fn save(&self, tx: &mut dyn Transaction, order: &Order, expected: Expected) -> Result<u64, AggregateError> {
        Ok(tx.put("order", "17", expected, Bytes::from(vec![u8::from(order.confirmed)])).await?)
    }
}

/// Begin, load, save, commit: three that confirm one order have 34,650 interleavings.
#[test]
fn seed_09_of_concurrent_confirmations_in_any_interleaving_one_wins_and_leaves_one_event() {
    let messages = MessageMap::builder("orders").publish("Confirmed", "order.confirmed", |_| ()).build();
    let messages = Arc::new(messages.expect("one event"));
    for order in interleavings(&[4, 4, 4]) {
        block_on(async {
            let clock = ManualClock::new();
            let store = MemoryStore::new(clock.clone());
            let orders = Repository::with_persistence(
                Arc::new(InOneByte),
                messages.clone(),
                clock,
                Arc::new(Counter::default()),
            );
            let mut tx = store.begin().await.expect("begins");
            orders.save(&mut *tx, Tracked::new(Order { confirmed: false }), Cause::New).await.expect("a new order");
            tx.commit().await.expect("commits");
            let mut open: [Option<Box<dyn Transaction>>; 3] = [None, None, None];
            let mut loaded: [Option<Tracked<Order>>; 3] = [None, None, None];
            let (mut step, mut won, mut conflicts, mut late) = ([0; 3], 0, 0, 0);
            for who in order.iter().copied() {
                step[who] += 1;
                match (step[who], &mut open[who]) {
                    (1, _) => open[who] = Some(store.begin().await.expect("begins")),
                    (2, Some(tx)) => {
                        let found = orders.load(&mut **tx, "17").await.expect("readable");
                        let mut found = found.expect("it was placed");
                        late += u32::from(found.confirmed);
                        found.change(|order| order.confirmed = true);
                        loaded[who] = Some(found);
                    }
                    (3, Some(tx)) => {
                        let saved = orders.save(&mut **tx, loaded[who].take().expect("loaded"), Cause::New).await;
                        if saved.is_err() {
                            assert!(matches!(saved, Err(AggregateError::Store(StoreError::Conflict(_)))), "{saved:?}");
                            conflicts += 1;
                            open[who] = None;
                        }
                    }
                    (4, Some(_)) => match open[who].take().expect("open").commit().await {
                        Ok(()) => won += 1,
                        Err(error) => {
                            assert!(matches!(error, StoreError::Conflict(_)), "{error:?}");
                            conflicts += 1;
                        }
                    },
                    (_, _) => {}
                }
            }
            // Who began when it was confirmed already found nothing to do, and so had no conflict either.
            assert_eq!((won, conflicts), (1 + late, 2 - late), "{order:?}");
            let backlog = store.backlog().await.expect("a store");
            assert_eq!(backlog.outbox_unsettled, 1, "{order:?}");
        });
    }
}

/// Dice that count: no two ids are the same.
#[derive(Default)]
struct Counter(AtomicU64);

impl Random for Counter {
    fn next_u64(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}
