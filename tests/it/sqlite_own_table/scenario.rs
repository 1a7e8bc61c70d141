//! The service as a scenario: what is asked of it, and what must hold in its tables.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::Connection;
use seaworthy_core::ports::{Store, connection};
use seaworthy_sim::{
    invariants::{Ending, Invariant, Judge, Mode},
    scenario::{Boot, Client, Draw, Scenario, StoreFactory, Topology, Workload},
    trace::{Effect, Event, What},
    world::RunOptions,
};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};
use serde::{Deserialize, Serialize};

use crate::sqlite_own_table::service::{self, ORDERS, PARCEL, PICK, PLACE, SHIPPING, STATE, State};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Orders {
    pub(crate) orders: Vec<String>,
}

impl Workload for Orders {
    fn len(&self) -> usize {
        self.orders.len()
    }

    fn without(&self, range: Range<usize>) -> Self {
        let mut orders = self.orders.clone();
        orders.drain(range);
        Self { orders }
    }
}

pub(crate) struct OwnTables;

#[async_trait]
impl Scenario for OwnTables {
    type Workload = Orders;

    fn name(&self) -> &str {
        "own_tables"
    }

    fn about(&self) -> &str {
        "orders and parcels in tables of the services' own"
    }

    fn topology(&self) -> Topology {
        let orders = |boot: Boot| service::orders(boot.ports);
        let shipping = |boot: Boot| service::shipping(boot.ports);
        Topology::new()
            .process("orders-1", ORDERS, ORDERS, orders)
            .process("orders-2", ORDERS, ORDERS, orders)
            .process("shipping-1", SHIPPING, SHIPPING, shipping)
            .process("shipping-2", SHIPPING, SHIPPING, shipping)
            .group(SHIPPING, &[ORDERS])
            .group(ORDERS, &[SHIPPING])
    }

    fn workload(&self, draw: &mut Draw) -> Orders {
        Orders { orders: (0..=draw.below(3)).map(|number| format!("order-{number}")).collect() }
    }

    fn invariants(&self, workload: &Orders) -> Vec<Box<dyn Invariant>> {
        let orders = workload.orders.iter().map(|order| (order.clone(), (0, 0, 0))).collect();
        vec![Box::new(EachOrderShippedOnce { orders })]
    }

    async fn drive(&self, workload: &Orders, client: Client) {
        for id in &workload.orders {
            client.ask(ORDERS, PLACE, Bytes::from(id.clone())).await.expect("accepted");
        }
    }
}

/// Judges what no document shows, from what the transactions say of their own rows.
struct EachOrderShippedOnce {
    /// The state of each order, its picks and its parcels.
    orders: BTreeMap<String, (i64, u32, u32)>,
}

impl Invariant for EachOrderShippedOnce {
    fn name(&self) -> &'static str {
        "each-order-shipped-once"
    }

    fn mode(&self) -> Mode {
        Mode::Eventually
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        let What::Commit { outcome, effects, .. } = &event.what else { return };
        if !outcome.took_effect() {
            return;
        }
        for effect in effects.iter() {
            let Effect::Observed { fact, subject, value } = effect else { continue };
            let Some((state, picks, parcels)) = self.orders.get_mut(subject.as_str()) else { continue };
            judge.judged();
            match fact.as_str() {
                PICK => *picks += 1,
                PARCEL => *parcels += 1,
                STATE if *value <= *state => {
                    judge.violate(
                        subject.as_str(),
                        format!("`{subject}` went back to state {value}"),
                        vec![event.number],
                    );
                }
                _ => *state = *value,
            }
        }
    }

    fn conclude(&mut self, _: Ending, judge: &mut Judge<'_>) {
        for (order, found) in &self.orders {
            if *found != (State::Shipped as i64, 1, 1) {
                let (state, picks, parcels) = found;
                let sentence = format!("`{order}` ended in state {state} with {picks} picks and {parcels} parcels");
                judge.violate(order.as_str(), sentence, Vec::new());
            }
        }
    }
}

/// Handles on the stores of a run, to look into their tables when it is over.
#[derive(Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<BTreeMap<String, SqliteStore>>>);

impl Kept {
    /// Runs on SQLite and keeps the stores.
    pub(crate) fn options(&self) -> RunOptions {
        let kept = Arc::clone(&self.0);
        let factory: StoreFactory = Arc::new(move |name, clock| {
            let store = SqliteStore::open_in_memory(clock, SqliteConfig::simulation()).expect("memory for a database");
            kept.lock().expect("no run panics here").insert(name.to_owned(), store.clone());
            Arc::new(store)
        });
        RunOptions::default().store(Some(factory))
    }

    /// What a query finds in a store: each row's two columns.
    pub(crate) fn rows(&self, store: &str, sql: &str) -> Vec<(String, i64)> {
        let store = self.0.lock().expect("no run panics here")[store].clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(rows(&store, sql))
    }
}

pub(crate) async fn rows(store: &dyn Store, sql: &str) -> Vec<(String, i64)> {
    let mut tx = store.begin().await.expect("nobody holds the store");
    let connection: &mut Connection = connection(&mut *tx).await.expect("SQLite lends its connection");
    let mut query = connection.prepare(sql).expect("a query");
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.map(|row| row.expect("two columns")).collect()
}

/// As much time as every process needs to boot.
pub(crate) const BOOT: Duration = Duration::from_secs(10);
