//! The life cycle of an order.

use std::{
    sync::{
        Arc,
        atomic::{self, AtomicU64},
    },
    time::Duration,
};

use seaworthy_core::{
    aggregate::{Cause, Repository, Tracked},
    conformance::block_on,
    ids::ClaimToken,
    inbox::Handler,
    message::{Message, MessageBuilder},
    ports::{ClaimRequest, OutboxOrder, Random, Store, Timestamp, WhenDead},
};
use seaworthy_memory::{ManualClock, store::MemoryStore};
use seaworthy_order_inventory::{
    choreographed::Conclude,
    messages::{Answer, INVENTORY, INVENTORY_RESERVED, Line, RESERVATION_FAILED},
    orders::{Order, OrderStatus, told},
};

const ALL: [OrderStatus; 4] =
    [OrderStatus::Pending, OrderStatus::Confirmed, OrderStatus::Cancelled, OrderStatus::Failed];

/// Dice that count: no two ids are the same.
#[derive(Default)]
struct Counter(AtomicU64);

impl Random for Counter {
    fn next_u64(&self) -> u64 {
        self.0.fetch_add(1, atomic::Ordering::Relaxed)
    }
}

fn orders() -> Repository<Order> {
    Repository::new(told(), ManualClock::new(), Arc::new(Counter::default()))
}

/// What is staged in this store; it is claimed by that.
pub(crate) async fn staged(store: &dyn Store) -> Vec<Message> {
    let request = ClaimRequest {
        token: ClaimToken(uuid::Uuid::from_u128(1)),
        limit: 10,
        lease: Duration::from_secs(30),
        ordering: OutboxOrder::PerKey,
        when_dead: WhenDead::BlockKey,
        except_topics: Vec::new(),
    };
    store.claim(&request).await.expect("readable").into_iter().map(|row| row.message).collect()
}

fn order(status: OrderStatus) -> Order {
    let lines = vec![Line { sku: "cd-1".into(), units: 1 }];
    Order { status, ..Order::placed("order-1".into(), lines) }
}

#[test]
fn seed_56_an_order_leaves_pending_once_and_no_end_is_left() {
    for from in ALL {
        for to in ALL {
            let mut moved = order(from);
            let legal = from == OrderStatus::Pending || from == to;
            assert_eq!(moved.move_to(to).is_ok(), legal, "{from:?} to {to:?}");
            assert_eq!(moved.status, if legal { to } else { from });
        }
    }
}

#[test]
fn seed_56_an_answer_that_comes_after_the_order_was_called_off_changes_nothing() {
    block_on(async {
        let answers = [
            (INVENTORY_RESERVED, Answer::Success, OrderStatus::Confirmed),
            (RESERVATION_FAILED, Answer::Failed { reason: "0 left".into() }, OrderStatus::Failed),
        ];
        for (kind, answer, end) in answers {
            for before in ALL {
                let store: Arc<dyn Store> = Arc::new(MemoryStore::new(ManualClock::new()));
                let orders = orders();
                let mut placed = Tracked::new(order(OrderStatus::Pending));
                placed.change(|order| order.move_to(before).expect("it is pending"));
                let mut tx = store.begin().await.expect("a store");
                orders.save(&mut *tx, placed, Cause::New).await.expect("a new order");
                let message = MessageBuilder::new(INVENTORY, kind, "order-1").json(&answer).expect("an answer");
                let message = message.derive(uuid::Uuid::from_u128(1), &["late"], Timestamp::EPOCH);
                Conclude(orders.clone()).handle(&mut *tx, &message).await.expect("it is taken in");
                let after = orders.load(&mut *tx, "order-1").await.expect("readable").expect("it is there");
                let expected = if before == OrderStatus::Pending { end } else { before };
                assert_eq!(after.status, expected, "{kind} for an order that is {before:?}");
            }
        }
    });
}
