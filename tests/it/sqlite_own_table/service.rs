//! A service that keeps its state in tables of its own. Nothing here knows whether it is simulated.

use std::{convert::Infallible, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension};
use seaworthy_core::{
    aggregate::{Aggregate, AggregateError, Cause, DomainEvent, MessageMap, Persistence, Repository, UpdateError},
    inbox::{Consumer, Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    outbox::{Relay, RelayConfig},
    ports::{Expected, Ports, Store, StoreError, Timestamp, Transaction, connection},
    saga::{Orchestrator, OrchestratorConfig, Registry},
    wake::Wake,
};
use seaworthy_sqlite::store_error;

use crate::sqlite_own_table::checkout::{CHECKOUT, checkout};

pub(crate) const ORDERS: &str = "orders";
pub(crate) const SHIPPING: &str = "shipping";
pub(crate) const PLACE: &str = "place";

/// Short, so that what a relay had when it was cut off comes back while a test waits for it.
const LEASE: Duration = Duration::from_secs(2);

/// Facts for whoever judges a run: nobody sees into a table from outside.
pub(crate) const STATE: &str = "order-state";
pub(crate) const PICK: &str = "goods-picked";
pub(crate) const PARCEL: &str = "parcel-made";

/// Nothing in `picks` and `parcels` keeps a second row of an order out: that is the saga's work, and the inbox's.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS orders (
        id      TEXT    PRIMARY KEY,
        state   INTEGER NOT NULL,
        version INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS picks (
        number   INTEGER PRIMARY KEY AUTOINCREMENT,
        order_id TEXT    NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS parcels (
        number   INTEGER PRIMARY KEY AUTOINCREMENT,
        order_id TEXT    NOT NULL
    ) STRICT;";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    Pending = 1,
    Confirmed = 2,
    Shipped = 3,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) state: State,
}

pub(crate) enum OrderEvent {
    Confirmed,
}

impl DomainEvent for OrderEvent {
    const NAMES: &'static [&'static str] = &["Confirmed"];

    fn name(&self) -> &'static str {
        "Confirmed"
    }
}

impl Aggregate for Order {
    const NAME: &'static str = "order";
    type Event = OrderEvent;

    fn id(&self) -> &str {
        &self.id
    }

    fn transition(before: Option<&Self>, after: &Self) -> Option<OrderEvent> {
        let confirmed = before.map(|before| before.state) == Some(State::Pending) && after.state == State::Confirmed;
        confirmed.then_some(OrderEvent::Confirmed)
    }
}

/// Orders as rows of a table, instead of documents.
struct InTable;

#[async_trait]
impl Persistence<Order> for InTable {
    async fn load(&self, tx: &mut dyn Transaction, id: &str) -> Result<Option<(Order, u64)>, AggregateError> {
        let sql: &mut Connection = connection(tx).await?;
        let row: Option<(i64, u64)> = sql
            .prepare_cached("SELECT state, version FROM orders WHERE id = ?1")
            .and_then(|mut query| query.query_row([id], |row| Ok((row.get(0)?, row.get(1)?))).optional())
            .map_err(|error| store_error("load order", &error))?;
        let Some((state, version)) = row else { return Ok(None) };
        let state = match state {
            1 => State::Pending,
            2 => State::Confirmed,
            3 => State::Shipped,
            other => return Err(StoreError::Refused(format!("order {id} is in state {other}").into()).into()),
        };
        Ok(Some((Order { id: id.into(), state }, version)))
    }

    async fn save(&self, tx: &mut dyn Transaction, order: &Order, expected: Expected) -> Result<u64, AggregateError> {
        let state = order.state as i64;
        let sql: &mut Connection = connection(tx).await?;
        let written = match expected {
            Expected::Version(version) => sql
                .prepare_cached("UPDATE orders SET state = ?2, version = version + 1 WHERE id = ?1 AND version = ?3")
                .and_then(|mut write| write.execute((&order.id, state, version)))
                .map(|changed| (changed == 1).then_some(version + 1)),
            // A key that is taken already is a conflict by itself.
            Expected::Absent | Expected::Any => sql
                .prepare_cached("INSERT INTO orders (id, state, version) VALUES (?1, ?2, 1)")
                .and_then(|mut write| write.execute((&order.id, state)))
                .map(|_| Some(1)),
        };
        let version = written.map_err(|error| store_error("save order", &error))?;
        let version = version.ok_or_else(|| StoreError::Conflict("another one changed the order first".into()))?;
        tx.observe(STATE, &order.id, state);
        Ok(version)
    }
}

fn repository(ports: &Ports) -> Repository<Order> {
    let messages = MessageMap::builder(ORDERS)
        .publish("Confirmed", "order.confirmed", |_| ())
        .build()
        .expect("every event is registered once");
    Repository::with_persistence(std::sync::Arc::new(InTable), messages, ports.clock.clone(), ports.random.clone())
}

/// Brings the service's own tables up to date: at every boot, until it has worked.
async fn create_tables(ports: &Ports) {
    let create = async |store: &dyn Store| {
        let mut tx = store.begin().await?;
        let sql: &mut Connection = connection(&mut *tx).await?;
        sql.execute_batch(TABLES).map_err(|error| store_error("create tables", &error))?;
        tx.commit().await
    };
    while create(&*ports.store).await.is_err() {
        ports.clock.sleep(Duration::from_millis(50)).await;
    }
}

/// Orders only ever go forward, so a late or repeated step changes nothing.
pub(crate) fn forward(state: State) -> impl FnMut(&mut Order) -> Result<(), Infallible> + Send {
    move |order| {
        order.state = order.state.max(state);
        Ok(())
    }
}

/// Notes that an order has left.
struct NoteParcel(Repository<Order>);

#[async_trait]
impl Handler for NoteParcel {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let cause = Cause::Message(message);
        match self.0.update_in(tx, &message.subject, cause, forward(State::Shipped)).await {
            Ok(()) => Ok(()),
            Err(UpdateError::Aggregate(error)) => Err(error.into()),
            Err(error) => Err(HandlerError::Refused(error.to_string().into())),
        }
    }
}

/// The `orders` service.
pub(crate) async fn orders(ports: Ports) {
    create_tables(&ports).await;
    let wake = Wake::new();
    let orders = repository(&ports).wake(wake.clone());
    let relay = Relay::new(&ports).config(RelayConfig::default().lease(LEASE)).wake(wake.clone());
    ports.spawn("relay", relay.run());
    let handlers =
        Handlers::builder().on("parcel.made", NoteParcel(orders.clone())).build().expect("one handler for one type");
    let consumer = Consumer::new(&ports, ORDERS, handlers, [SHIPPING]);
    ports.spawn("consumer", consumer.run());
    let mut registry = Registry::new();
    registry.register(checkout(&orders)).expect("one definition");
    let config = OrchestratorConfig::default().lease(LEASE);
    let orchestrator = Orchestrator::new(&ports, registry, config);
    let (recovery, stop) = (orchestrator.clone(), ports.stop.clone());
    ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
    let serve = async {
        while let Some(request) = ports.ingress.next().await {
            let id = String::from_utf8_lossy(&request.body).into_owned();
            // Unanswered, the request is made again; asked twice for the same order, there is one checkout.
            if orchestrator.start(CHECKOUT, &id, &id).await.is_ok() {
                request.response.accept(Bytes::new());
            }
        }
    };
    futures_util::future::select(std::pin::pin!(serve), std::pin::pin!(ports.stop.wait())).await;
}

/// Makes a parcel: a row of the service's own table, in the inbox's transaction.
struct MakeParcel;

#[async_trait]
impl Handler for MakeParcel {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let sql: &mut Connection = connection(tx).await?;
        sql.prepare_cached("INSERT INTO parcels (order_id) VALUES (?1)")
            .and_then(|mut write| write.execute([message.subject.as_str()]))
            .map_err(|error| store_error("make parcel", &error))?;
        tx.observe(PARCEL, &message.subject, 1);
        let made = MessageBuilder::new(SHIPPING, "parcel.made", message.subject.clone()).caused_by(message).derive(
            message.id.0,
            &["parcel"],
            Timestamp::EPOCH,
        );
        Ok(tx.stage(&made).await?)
    }
}

/// The `shipping` service.
pub(crate) async fn shipping(ports: Ports) {
    create_tables(&ports).await;
    let wake = Wake::new();
    let relay = Relay::new(&ports).config(RelayConfig::default().lease(LEASE)).wake(wake.clone());
    ports.spawn("relay", relay.run());
    let handlers = Handlers::builder().on("order.confirmed", MakeParcel).build().expect("one handler for one type");
    let consumer = Consumer::new(&ports, SHIPPING, handlers, [ORDERS]).wake(wake);
    consumer.run().await;
}
