//! Aggregates over the simulated store.

use std::{convert::Infallible, sync::Arc};

use crate::messaging::{Bench, on_bench};
use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    aggregate::{
        Aggregate, AggregateError, Cause, DomainEvent, MessageMap, Persistence, Repository, Tracked, UpdateError,
    },
    ids::{Direction, OperationId, SagaId},
    message::{Message, MessageBuilder},
    ports::{ClaimRequest, Expected, OutboxOrder, OutboxStore, Store, StoreError, Timestamp, Transaction, WhenDead},
    wake::Wake,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Status {
    Pending,
    Confirmed,
    Shipped,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: String,
    status: Status,
    /// Changes of it are no declared transition.
    views: u32,
}

#[derive(Debug, PartialEq)]
enum OrderEvent {
    Placed,
    Confirmed { views: u32 },
    Shipped,
}

impl DomainEvent for OrderEvent {
    const NAMES: &'static [&'static str] = &["Placed", "Confirmed", "Shipped"];

    fn name(&self) -> &'static str {
        match self {
            Self::Placed => "Placed",
            Self::Confirmed { .. } => "Confirmed",
            Self::Shipped => "Shipped",
        }
    }
}

impl Aggregate for Order {
    const NAME: &'static str = "order";
    type Event = OrderEvent;

    fn id(&self) -> &str {
        &self.id
    }

    fn transition(before: Option<&Self>, after: &Self) -> Option<OrderEvent> {
        match (before.map(|before| before.status), after.status) {
            (None, _) => Some(OrderEvent::Placed),
            (Some(Status::Pending), Status::Confirmed) => Some(OrderEvent::Confirmed { views: after.views }),
            (Some(Status::Confirmed), Status::Shipped) => Some(OrderEvent::Shipped),
            _ => None,
        }
    }
}

fn order(id: &str) -> Tracked<Order> {
    Tracked::new(Order { id: id.into(), status: Status::Pending, views: 0 })
}

fn messages() -> MessageMap<OrderEvent> {
    MessageMap::builder("orders")
        .ignore("Placed")
        .publish("Confirmed", "order.confirmed", |event| match event {
            OrderEvent::Confirmed { views } => *views,
            _ => 0,
        })
        .publish_to("parcels", "Shipped", "order.shipped", |_| ())
        .build()
        .unwrap()
}

fn repository(bench: &Bench) -> Repository<Order> {
    Repository::new(messages(), bench.clock.clone(), bench.random.clone())
}

async fn save(bench: &Bench, order: Tracked<Order>, cause: Cause<'_>) -> Result<u64, AggregateError> {
    let mut tx = bench.store.begin().await?;
    let version = repository(bench).save(&mut *tx, order, cause).await?;
    tx.commit().await?;
    Ok(version)
}

async fn load(bench: &Bench, id: &str) -> Option<Tracked<Order>> {
    let mut tx = bench.store.begin().await.unwrap();
    repository(bench).load(&mut *tx, id).await.unwrap()
}

/// Everything that is staged, in commit order.
async fn staged(bench: &Bench) -> Vec<Message> {
    let request = ClaimRequest {
        token: seaworthy_core::ids::ClaimToken(seaworthy_core::ports::draw_id(&*bench.clock, &*bench.random)),
        limit: 1_000,
        lease: std::time::Duration::from_secs(3_600),
        ordering: OutboxOrder::Unordered,
        when_dead: WhenDead::SkipDead,
        except_topics: Vec::new(),
    };
    bench.store.claim(&request).await.unwrap().into_iter().map(|row| row.message).collect()
}

#[test]
fn seed_30_state_and_messages_are_committed_together_or_not_at_all() {
    on_bench(1, async |bench| {
        let mut aborted = order("17");
        aborted.change(|order| order.status = Status::Confirmed);
        let mut tx = bench.store.begin().await.unwrap();
        repository(&bench).save(&mut *tx, aborted, Cause::New).await.unwrap();
        drop(tx);
        assert!(load(&bench, "17").await.is_none());
        assert_eq!(staged(&bench).await, []);

        let mut kept = order("17");
        kept.change(|order| order.views = 3);
        kept.change(|order| order.status = Status::Confirmed);
        kept.change(|order| order.status = Status::Shipped);
        assert_eq!(save(&bench, kept, Cause::New).await, Ok(1));
        assert_eq!(load(&bench, "17").await.unwrap().status, Status::Shipped);
        let staged = staged(&bench).await;
        let seen: Vec<_> = staged.iter().map(|it| (&*it.kind, &*it.topic, &*it.subject, &it.data[..])).collect();
        let expected: [(_, _, _, &[u8]); 2] =
            [("order.confirmed", "orders", "17", b"3"), ("order.shipped", "parcels", "17", b"null")];
        assert_eq!(seen, expected);
    });
}

#[test]
fn a_write_that_changes_nothing_writes_nothing() {
    on_bench(2, async |bench| {
        save(&bench, order("17"), Cause::New).await.unwrap();
        let mut same = load(&bench, "17").await.unwrap();
        same.change(|order| order.status = Status::Pending);
        assert!(!same.is_changed());
        assert_eq!(save(&bench, same, Cause::New).await, Ok(1));
        assert_eq!(load(&bench, "17").await.unwrap().version(), Some(1));

        let mut viewed = load(&bench, "17").await.unwrap();
        viewed.change(|order| order.views += 1);
        assert_eq!(viewed.events(), []);
        assert_eq!(save(&bench, viewed, Cause::New).await, Ok(2));
        assert_eq!(staged(&bench).await, []);
    });
}

#[test]
fn a_change_that_refuses_leaves_state_and_events_as_they_were() {
    let mut order = order("17");
    let refused = order.try_change(|order| {
        order.status = Status::Confirmed;
        order.views = 9;
        Err::<(), _>("no stock")
    });
    assert_eq!(refused, Err("no stock"));
    assert_eq!((order.status, order.views), (Status::Pending, 0));
    assert_eq!(order.events(), [OrderEvent::Placed]);
}

#[test]
fn seed_09_of_two_concurrent_saves_one_wins_and_the_other_conflicts() {
    on_bench(3, async |bench| {
        save(&bench, order("17"), Cause::New).await.unwrap();
        let (mut first, mut second) = (load(&bench, "17").await.unwrap(), load(&bench, "17").await.unwrap());
        first.change(|order| order.status = Status::Confirmed);
        second.change(|order| order.status = Status::Confirmed);
        assert_eq!(save(&bench, first, Cause::New).await, Ok(2));
        let lost = save(&bench, second, Cause::New).await;
        assert!(matches!(lost, Err(AggregateError::Store(StoreError::Conflict(_)))), "{lost:?}");
        assert_eq!(staged(&bench).await.len(), 1);
        let twice = save(&bench, order("17"), Cause::New).await;
        assert!(matches!(twice, Err(AggregateError::Store(StoreError::Conflict(_)))), "{twice:?}");
    });
}

/// Writers race for one order: each adds one view, each would confirm it, and one of them is the first to.
#[test]
fn racing_updates_lose_no_change_and_record_each_transition_once() {
    for seed in 0..20 {
        on_bench(seed, async move |bench| {
            save(&bench, order("17"), Cause::New).await.unwrap();
            let writers: Vec<_> = (0..6)
                .map(|_| {
                    let (bench, orders) = (bench.clone(), repository(&bench));
                    madsim::task::spawn(async move {
                        let mut attempts = 0;
                        let updated = orders.update(&*bench.store, "17", Cause::New, |order| {
                            attempts += 1;
                            order.views += 1;
                            order.status = Status::Confirmed;
                            Ok::<_, Infallible>(order.views)
                        });
                        updated.await.unwrap();
                        attempts
                    })
                })
                .collect();
            let mut attempts = 0;
            for writer in writers {
                attempts += writer.await.unwrap();
            }
            assert!(attempts >= 6);
            let order = load(&bench, "17").await.unwrap();
            assert_eq!((order.views, order.version()), (6, Some(7)));
            assert_eq!(staged(&bench).await.len(), 1, "seed {seed}");
        });
    }
}

/// A conflict that is certain: somebody else saves between the load and the save of the first two attempts.
#[test]
fn a_retry_starts_from_a_fresh_load_without_events_of_the_failed_attempt() {
    on_bench(5, async |bench| {
        save(&bench, order("17"), Cause::New).await.unwrap();
        let orders = Repository::with_persistence(
            Arc::new(Overtaken { bench: bench.clone(), left: 2.into() }),
            messages(),
            bench.clock.clone(),
            bench.random.clone(),
        );
        let mut seen = Vec::new();
        let orders = orders.wake(Wake::new());
        let updated = orders.update(&*bench.store, "17", Cause::New, |order| {
            seen.push(order.views);
            order.status = Status::Confirmed;
            Ok::<_, Infallible>(())
        });
        updated.await.unwrap();
        assert_eq!(seen, [0, 1, 2]);
        let staged = staged(&bench).await;
        assert_eq!(staged.len(), 1);
        assert_eq!(staged[0].data, "2", "the message tells of the state that was saved");
    });
}

/// Keeps orders in a layout of its own, as a user's table would be, and is overtaken while it loads.
struct Overtaken {
    bench: Bench,
    left: std::sync::atomic::AtomicU32,
}

#[async_trait]
impl Persistence<Order> for Overtaken {
    async fn load(&self, tx: &mut dyn Transaction, id: &str) -> Result<Option<(Order, u64)>, AggregateError> {
        let found = Persistence::load(&seaworthy_core::aggregate::InDocuments, tx, id).await?;
        if self.left.load(std::sync::atomic::Ordering::Relaxed) > 0 {
            self.left.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
            let mut other = load(&self.bench, id).await.unwrap();
            other.change(|order| order.views += 1);
            save(&self.bench, other, Cause::New).await.unwrap();
        }
        Ok(found)
    }

    async fn save(&self, tx: &mut dyn Transaction, order: &Order, expected: Expected) -> Result<u64, AggregateError> {
        let body = Bytes::from(serde_json::to_vec(order).unwrap());
        Ok(tx.put("order", &order.id, expected, body).await?)
    }
}

#[test]
fn seed_37_an_update_that_is_refused_or_finds_nothing_writes_nothing() {
    on_bench(6, async |bench| {
        let orders = repository(&bench);
        let missing = orders.update(&*bench.store, "17", Cause::New, |_| Ok::<_, Infallible>(())).await;
        assert_eq!(missing, Err(UpdateError::Missing { aggregate: "order", id: "17".into() }));
        save(&bench, order("17"), Cause::New).await.unwrap();
        let refused = orders.update(&*bench.store, "17", Cause::New, |order| {
            order.status = Status::Confirmed;
            Err::<(), _>("no stock")
        });
        assert_eq!(refused.await, Err(UpdateError::Refused("no stock")));
        assert_eq!(load(&bench, "17").await.unwrap().version(), Some(1));
        assert_eq!(staged(&bench).await, []);
    });
}

#[test]
fn messages_are_named_after_their_cause_and_correlate_with_it() {
    on_bench(7, async |bench| {
        let parent = MessageBuilder::new("shop", "checkout", "17").derive(Uuid::from_u128(1), &[], Timestamp::EPOCH);
        let operation = OperationId::derive(SagaId(Uuid::from_u128(2)), "confirm", Direction::Action);
        let by_operation = Cause::Operation { id: operation, correlation_id: Uuid::from_u128(3) };
        for (id, cause) in [("1", Cause::Message(&parent)), ("2", by_operation), ("3", Cause::New)] {
            // The same change is tried twice: the first attempt is rolled back.
            for _ in 0..2 {
                let mut confirmed = order(id);
                confirmed.change(|order| order.status = Status::Confirmed);
                let mut tx = bench.store.begin().await.unwrap();
                repository(&bench).save(&mut *tx, confirmed, cause).await.unwrap();
                drop(tx);
            }
            let mut confirmed = order(id);
            confirmed.change(|order| order.status = Status::Confirmed);
            save(&bench, confirmed, cause).await.unwrap();
        }
        let staged = staged(&bench).await;
        let derived = |parent: Uuid, id: &str| seaworthy_core::ids::derive(parent, &["order", id, "1.1"]);
        assert_eq!(staged[0].id.0, derived(parent.id.0, "1"));
        assert_eq!((staged[0].correlation_id, staged[0].causation_id), (parent.correlation_id, Some(parent.id)));
        assert_eq!(staged[1].id.0, derived(operation.0, "2"));
        assert_eq!((staged[1].correlation_id, staged[1].causation_id), (Uuid::from_u128(3), None));
        assert_eq!(staged[2].id.0.get_version_num(), 7);
        assert_eq!(staged[2].correlation_id, staged[2].id.0);
    });
}

#[test]
fn a_stored_form_that_can_not_be_read_is_an_error_that_names_the_aggregate() {
    on_bench(8, async |bench| {
        let mut tx = bench.store.begin().await.unwrap();
        tx.put("order", "17", Expected::Absent, Bytes::from_static(b"{\"id\":1}")).await.unwrap();
        let error = repository(&bench).load(&mut *tx, "17").await.unwrap_err();
        assert!(error.to_string().starts_with("order 17 has no readable stored form"), "{error}");
    });
}
