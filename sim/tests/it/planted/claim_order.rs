//! Stores that hand out rows in another order than they should: what fails each time comes before what was never tried, and what
//! waits behind a dead row takes all the room there is.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use seaworthy_core::{
    ids::ClaimToken,
    inbox::{Consumer, Handlers},
    message::MessageBuilder,
    outbox::LogRelay,
    ports::{
        ClaimRequest, Clock, DeadRowRequest, DelegateStore, Expected, OutboxOrder, OutboxRow, OutboxStore, Ports,
        PublishError, SettleOutcome, Settlement, Store, StoreError, TailRequest, WhenDead, draw_id,
    },
};
use seaworthy_sim::{scenario::Topology, store::MemoryStore};

use super::is_found_and_the_right_service_holds;
use crate::small_service::{
    Answer, MakeStore, Service,
    messaging::{Note, REST, front_beside, fronts, listener, publish},
};

const fn by_its_store(name: &'static str, topology: fn(bool) -> Topology, store: MakeStore) -> Service {
    Service { store: Some(store), ..Service::wrong(name, topology) }
}

#[test]
fn rows_that_fail_each_time_and_come_first() {
    let wrong = by_its_store("failing-rows-first", one_at_a_time, ByCommitOrder::make);
    is_found_and_the_right_service_holds("topic-held-up", wrong);
}

#[test]
fn rows_behind_a_dead_one_that_take_all_the_room() {
    let wrong = by_its_store("reads-what-waits-behind-the-dead", many_of_one_key, Windowed::make);
    is_found_and_the_right_service_holds("waits-behind-dead", wrong);
}

/// Whether it is right is the store's affair, here and below.
fn one_at_a_time(_: bool) -> Topology {
    let fronts = fronts(|boot| {
        let relay = relay(boot.ports.clone());
        front_beside(boot, relay, placing_two)
    });
    let listener = fronts.process("listener-1", "listener", "listener", |boot| listen(boot.ports));
    listener.group("listener", &["audit", "orders"])
}

/// An order has an entry in the audit and an event, which have nothing to do with each other.
fn placing_two(ports: Ports, name: String) -> BoxFuture<'static, Result<Answer, StoreError>> {
    Box::pin(async move {
        let messages = ["audit", "orders"].map(|topic| (topic, format!("{topic}-{name}")));
        place(&ports, &name, &messages).await
    })
}

/// Places an order once, with a message for each topic and key.
async fn place(ports: &Ports, name: &str, messages: &[(&str, String)]) -> Result<Answer, StoreError> {
    let mut tx = ports.store.begin().await?;
    if tx.get("orders", name).await?.is_some() {
        return Ok(Answer::Yes);
    }
    tx.put("orders", name, Expected::Absent, b"1".to_vec().into()).await?;
    for (topic, key) in messages {
        let placed = MessageBuilder::new("front", "order.placed", name).topic(*topic).partition_key(key.clone());
        tx.stage(&placed.draw(&*ports.clock, &*ports.random)).await?;
    }
    tx.commit().await?;
    Ok(Answer::Yes)
}

/// Claims one row at a time, and gives it back to be claimed at once where it fails.
async fn relay(ports: Ports) {
    while !ports.stop.is_set() {
        let token = ClaimToken(draw_id(&*ports.clock, &*ports.random));
        let request = ClaimRequest {
            token,
            limit: 1,
            lease: Duration::from_secs(30),
            ordering: OutboxOrder::PerKey,
            when_dead: WhenDead::BlockKey,
            except_topics: Vec::new(),
        };
        let rows = ports.store.claim(&request).await.unwrap_or_default();
        let Some(row) = rows.first() else {
            ports.clock.sleep(REST).await;
            continue;
        };
        let result = publish(&ports, &rows).await.swap_remove(0);
        let outcome = match &result {
            Ok(()) => SettleOutcome::Dispatched,
            Err(PublishError::Refused(reason)) => SettleOutcome::Dead { reason: reason.clone() },
            Err(_) => SettleOutcome::Release { delay: Duration::ZERO },
        };
        let settled = ports.store.settle(token, &[Settlement { row: row.row, outcome }]).await;
        match result {
            Err(PublishError::Refused(reason)) if settled.is_ok() => {
                tracing::warn!(message = %row.message.id, %reason, "a row is dead");
            }
            Err(_) => ports.clock.sleep(REST).await,
            Ok(()) => {}
        }
    }
}

async fn listen(ports: Ports) {
    let handlers = Handlers::builder().on("order.placed", Note).build().expect("one handler for one type");
    Consumer::new(&ports, "listener", handlers, ["audit", "orders"]).run().await;
}

/// Knows no other order than the one in which rows were committed.
struct ByCommitOrder(MemoryStore);

impl ByCommitOrder {
    fn make(clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        Arc::new(Self(MemoryStore::new(clock)))
    }
}

#[async_trait]
impl DelegateStore for ByCommitOrder {
    fn inner(&self) -> &dyn Store {
        &self.0
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Vec<OutboxRow>, StoreError> {
        let mut rows = OutboxStore::claim(&self.0, &ClaimRequest { limit: 1_000, ..request.clone() }).await?;
        rows.sort_by_key(|row| row.message.sequence);
        let others = rows.split_off(request.limit.min(rows.len()));
        let outcome = SettleOutcome::Release { delay: Duration::ZERO };
        let back = others.iter().map(|row| Settlement { row: row.row, outcome: outcome.clone() });
        OutboxStore::settle(&self.0, request.token, &back.collect::<Vec<_>>()).await?;
        Ok(rows)
    }
}

/// One process, since each relay that tails a log publishes all of it.
fn many_of_one_key(_: bool) -> Topology {
    let topology = Topology::new().process("front-1", "front", "front", |boot| {
        let relay = LogRelay::new(&boot.ports, "relay").run();
        front_beside(boot, relay, placing_many)
    });
    listener(topology)
}

/// Rows that are looked at.
const WINDOW: usize = 3;

/// An order has some entries in a ledger, in one line with all others, and an event of its own.
fn placing_many(ports: Ports, name: String) -> BoxFuture<'static, Result<Answer, StoreError>> {
    Box::pin(async move {
        let ledger = (0..=WINDOW).map(|_| ("orders", "ledger".to_owned()));
        let messages: Vec<(&str, String)> = ledger.chain([("orders", name.clone())]).collect();
        place(&ports, &name, &messages).await
    })
}

/// Reads some rows from the front of the log, and leaves out what waits behind a dead one.
struct Windowed(MemoryStore);

impl Windowed {
    fn make(clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        Arc::new(Self(MemoryStore::new(clock)))
    }
}

#[async_trait]
impl DelegateStore for Windowed {
    fn inner(&self) -> &dyn Store {
        &self.0
    }

    async fn tail(&self, request: &TailRequest) -> Result<Vec<OutboxRow>, StoreError> {
        let dead = self.0.dead_rows(&DeadRowRequest::new(1_000)).await?;
        if dead.is_empty() {
            return OutboxStore::tail(&self.0, request).await;
        }
        let request = TailRequest { limit: 1_000, when_dead: WhenDead::SkipDead, ..request.clone() };
        let mut rows = OutboxStore::tail(&self.0, &request).await?;
        rows.truncate(WINDOW);
        let is_behind = |row: &OutboxRow, dead: &OutboxRow| {
            dead.message.partition_key == row.message.partition_key && dead.message.sequence < row.message.sequence
        };
        rows.retain(|row| !dead.iter().any(|dead| is_behind(row, &dead.row)));
        Ok(rows)
    }
}
