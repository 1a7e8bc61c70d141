//! A service of one process that does what a test says, once, at its first boot.

use std::{ops::Range, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use seaworthy_core::{
    ids::MessageId,
    message::Message,
    ports::{Expected, Ports, Store, Transaction},
};
use seaworthy_sim::{
    plan::{FORMAT, Plan, Schedule},
    scenario::{Client, Draw, Scenario, Topology, Workload},
    trace::script,
    world::{RunOptions, RunReport, run},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Nothing;

impl Workload for Nothing {
    fn len(&self) -> usize {
        0
    }

    fn without(&self, _: Range<usize>) -> Self {
        Self
    }
}

pub(crate) type Work = fn(Ports) -> BoxFuture<'static, ()>;

pub(crate) struct Once {
    declared: fn(Topology) -> Topology,
    prepared: &'static [(&'static str, &'static str)],
    work: Work,
}

#[async_trait]
impl Scenario for Once {
    type Workload = Nothing;

    fn name(&self) -> &str {
        "once"
    }

    fn about(&self) -> &str {
        "does what a test says"
    }

    fn topology(&self) -> Topology {
        let work = self.work;
        let topology = Topology::new().process("shop", "shop", "shop", move |boot| work(boot.ports));
        (self.declared)(topology.group("ledger", &["orders"]))
    }

    fn workload(&self, _: &mut Draw) -> Nothing {
        Nothing
    }

    async fn prepare(&self, _: &Nothing, store: &(dyn Fn(&str) -> Arc<dyn Store> + Send + Sync)) {
        let mut tx = store("shop").begin().await.expect("a new store");
        for (id, body) in self.prepared {
            tx.put("accounts", id, Expected::Absent, Bytes::from_static(body.as_bytes())).await.expect("writable");
        }
        tx.commit().await.expect("nobody else writes");
    }

    async fn drive(&self, _: &Nothing, client: Client) {
        client.sleep(Duration::from_secs(10)).await;
    }
}

/// Runs it without a fault on the simulated store.
pub(crate) fn once(declared: fn(Topology) -> Topology, work: Work) -> RunReport {
    once_with(declared, &[], work)
}

/// The same with accounts that were there before.
pub(crate) fn once_with(
    declared: fn(Topology) -> Topology,
    prepared: &'static [(&'static str, &'static str)],
    work: Work,
) -> RunReport {
    let (scenario, schedule) = ("once".into(), Schedule::default());
    let plan = Plan { format: FORMAT.into(), scenario, seed: 1, schedule, workload: Nothing, faults: Vec::new() };
    let options = RunOptions::default().keep_trace(true);
    run(&Once { declared, prepared, work }, &plan, &options).expect("a valid plan")
}

/// The names of what was violated, each once.
pub(crate) fn violated(report: &RunReport) -> Vec<&str> {
    let mut names: Vec<&str> = report.violations.iter().map(|violation| violation.invariant.as_str()).collect();
    names.dedup();
    names
}

/// Message `number` of order `number`.
pub(crate) fn message(number: u64) -> Message {
    script::message(number, "orders", &format!("order-{number}"))
}

pub(crate) fn id(number: u64) -> MessageId {
    message(number).id
}

/// Writes documents in one transaction.
pub(crate) async fn write(ports: &Ports, documents: &[(&str, &str, Value)]) {
    let mut tx = ports.store.begin().await.expect("the store is up");
    for (collection, id, body) in documents {
        put(&mut *tx, collection, id, body).await;
    }
    tx.commit().await.expect("nobody else writes");
}

async fn put(tx: &mut dyn Transaction, collection: &str, id: &str, body: &Value) {
    tx.put(collection, id, Expected::Any, body.to_string().into()).await.expect("writable");
}

/// The outbox document of message `number`.
pub(crate) fn row(number: u64, sent: bool) -> Value {
    json!({ "id": id(number).to_string(), "topic": "orders", "key": "a", "sent_at": sent.then_some(17) })
}
