//! For each constructor of properties that knows more than a closure does, a service with a mistake that it finds under drawn seeds, and the
//! same service without it. Nothing that everybody gets is asked, so that it is the property that finds it.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use seaworthy_core::ports::{Expected, Ports, Store, StoreError};
use seaworthy_sim::{
    invariants::{Invariant, conserved, ends, stays},
    plan::Profile,
    scenario::{Client, Draw, Scenario, Topology},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{SEEDS_MAX, SEEDS_RIGHT, campaign, conserved::transferring};
use crate::small_service::{Answer, Items, Service, messaging::fronts, serve};

/// A service with one property of its own, and no other.
struct Judged {
    service: Service,
    property: fn() -> Box<dyn Invariant>,
}

#[async_trait]
impl Scenario for Judged {
    type Workload = Items;

    fn name(&self) -> &str {
        self.service.name
    }

    fn topology(&self) -> Topology {
        self.service.topology().without_protocol()
    }

    fn workload(&self, draw: &mut Draw) -> Items {
        self.service.workload(draw)
    }

    fn invariants(&self, _: &Items) -> Vec<Box<dyn Invariant>> {
        vec![(self.property)()]
    }

    async fn prepare(&self, _: &Items, _: &(dyn Fn(&str) -> Arc<dyn Store> + Send + Sync)) {}

    async fn drive(&self, workload: &Items, client: Client) {
        self.service.drive(workload, client).await;
    }

    fn shares_threads(&self) -> bool {
        true
    }
}

fn is_found(wrong: Service, property: fn() -> Box<dyn Invariant>) {
    let name = property().name();
    let found = campaign(&Judged { service: wrong, property }, SEEDS_MAX, &[Profile::Swarm]);
    let failure = found.first_failure().unwrap_or_else(|| panic!("{} held for {SEEDS_MAX} seeds", wrong.name));
    println!("| `{}` | {} | `{name}` |", wrong.name, failure.index + 1);
    assert!(found.failures.iter().any(|failure| failure.violation.invariant == name), "{:#?}", found.failures);

    let right = Judged { service: wrong.right(), property };
    for profiles in [&[Profile::Swarm][..], &Profile::ALL] {
        let same = campaign(&right, found.runs.max(SEEDS_RIGHT), profiles);
        assert_eq!(same.failed, 0, "{} without its mistake: {:#?}", wrong.name, same.failures);
        let tally = &same.invariants[name];
        assert!(tally.times > 0 && tally.violated == 0, "{name} had nothing to judge: {tally:?}");
    }
}

#[derive(Deserialize)]
struct Account {
    cents: i64,
}

#[test]
fn a_sum_by_closures_that_is_off_in_one_commit_is_found() {
    let sum = || conserved("cents").on_document("accounts", |account: &Account| account.cents).boxed();
    is_found(Service::wrong("takes-in-one-commit-and-gives-in-another", transferring), sum);
}

/// A transfer that is cut in between, and nothing less.
#[test]
fn a_sum_by_closures_that_is_off_at_rest_is_found() {
    let sum = || conserved("cents").on_document("accounts", |account: &Account| account.cents).at_rest().boxed();
    is_found(Service::wrong("takes-and-dies-before-it-gives", transferring), sum);
}

#[derive(Deserialize)]
struct Order {
    state: String,
}

#[test]
fn a_document_that_is_begun_anew_after_its_end_is_found() {
    let property =
        || stays("order-stays-shipped", "orders", |order: &Order| (order.state == "shipped").then_some(())).boxed();
    let topology = |is_right: bool| shipping(Habits { begins_anew: !is_right, goes_on: true });
    is_found(Service::wrong("begins-anew-when-asked-again", topology), property);
}

#[test]
fn a_document_that_nobody_brings_to_its_end_is_found() {
    let property = || {
        let waits_for = |order: &Order| (order.state != "shipped").then(|| "its shipment".to_owned());
        ends("order-ends", "orders", waits_for).boxed()
    };
    let topology = |is_right: bool| shipping(Habits { begins_anew: false, goes_on: is_right });
    is_found(Service::wrong("takes-begun-for-done", topology), property);
}

/// What a front does with an order that is there when it is asked for.
#[derive(Clone, Copy)]
struct Habits {
    /// Writes it anew.
    begins_anew: bool,
    /// Ships it, if it is not shipped.
    goes_on: bool,
}

fn shipping(habits: Habits) -> Topology {
    fronts(move |boot| serve(boot.ports, move |ports, name| ship(ports, name, habits)))
}

/// Opens an order and ships it, each in a commit of its own.
fn ship(ports: Ports, name: String, habits: Habits) -> BoxFuture<'static, Result<Answer, StoreError>> {
    Box::pin(async move {
        let mut tx = ports.store.begin().await?;
        let found = tx.get("orders", &name).await?;
        let is_there = found.is_some();
        let mut version = found.as_ref().map_or(Expected::Absent, |order| Expected::Version(order.version));
        if !is_there || habits.begins_anew {
            let open = json!({ "state": "open" }).to_string();
            version = Expected::Version(tx.put("orders", &name, version, open.into()).await?);
            tx.commit().await?;
            tx = ports.store.begin().await?;
        } else if !habits.goes_on || found.is_some_and(|order| state(&order.body) == "shipped") {
            return Ok(Answer::Yes);
        }
        tx.put("orders", &name, version, json!({ "state": "shipped" }).to_string().into()).await?;
        tx.commit().await?;
        Ok(Answer::Yes)
    })
}

fn state(body: &[u8]) -> String {
    let order: Value = serde_json::from_slice(body).unwrap_or_default();
    order["state"].as_str().unwrap_or_default().to_owned()
}
