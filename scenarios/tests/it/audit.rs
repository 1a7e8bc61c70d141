//! What databases hold when everything has come to rest: an order that never ended, or work that was given up, is found
//! although no business invariant has anything to say of it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use seaworthy_core::{
    ids::SagaId,
    ports::{DefinitionRef, Expected, NewSaga, SagaAppend, SagaStatus, Store},
};
use seaworthy_order_fulfillment::{checkout::CHECKOUT, documents::ORDER_COLLECTION};
use seaworthy_scenarios::order_fulfillment::{
    Orders, PlannedOrder,
    audit::{Audit, audit},
};
use seaworthy_sim::store::MemoryStore;
use seaworthy_tokio::TokioClock;
use uuid::Uuid;

fn one_order() -> Orders {
    let order = PlannedOrder {
        at_ms: 0,
        id: "order-1".into(),
        sku: "cd-1".into(),
        quantity: 1,
        amount_cents: 0,
        customer: 1,
        cancel_after_ms: None,
    };
    Orders { stock: BTreeMap::new(), orders: vec![order] }
}

async fn check_out(store: &dyn Store, status: SagaStatus) {
    let (id, body) = (SagaId(Uuid::from_u128(1)), Bytes::new());
    let definition = DefinitionRef { name: CHECKOUT.into(), version: 1, hash: 1 };
    let lease = Duration::ZERO;
    let new = NewSaga { id, definition, key: "order-1".into(), input: body, correlation_id: Uuid::nil(), lease };
    let append = SagaAppend {
        saga: id,
        epoch: 1,
        expected_length: 0,
        records: vec![],
        status,
        lease,
        sleep: Duration::ZERO,
        definition: None,
        forgets: false,
        keys: Vec::new(),
        outcome: None,
    };
    let mut tx = store.begin().await.expect("a store");
    tx.saga_create(&new).await.expect("a new saga");
    tx.saga_append(&append).await.expect("its owner writes");
    tx.commit().await.expect("committed");
}

/// An audit of one order, of which the store holds a checkout and a document with these statuses.
async fn found(checkout: Option<SagaStatus>, order: Option<&str>) -> Audit {
    let store = || MemoryStore::new(Arc::new(TokioClock));
    let (orders, shipping, payments) = (store(), store(), store());
    if let Some(status) = checkout {
        check_out(&orders, status).await;
    }
    if let Some(status) = order {
        let mut tx = orders.begin().await.expect("a store");
        let body = format!(r#"{{"id":"order-1","status":"{status}"}}"#);
        tx.put(ORDER_COLLECTION, "order-1", Expected::Absent, body.into()).await.expect("a new document");
        tx.commit().await.expect("committed");
    }
    audit(&one_order(), &orders, &shipping, &payments).await.expect("readable")
}

fn names(audit: &Audit) -> Vec<&str> {
    audit.findings.violations.iter().map(|violation| violation.invariant.as_str()).collect()
}

#[tokio::test]
async fn an_order_of_which_nothing_is_known_is_lost() {
    assert_eq!(names(&found(None, None).await), ["every-order-ends"]);
}

#[tokio::test]
async fn a_checkout_that_is_stuck_was_given_up_whatever_became_of_its_order() {
    let audit = found(Some(SagaStatus::Stuck), Some("cancelled")).await;
    assert_eq!(names(&audit), ["every-order-ends", "nothing-given-up"]);
}

#[tokio::test]
async fn an_order_that_is_still_pending_when_its_checkout_was_undone_has_not_ended() {
    let audit = found(Some(SagaStatus::Compensated), Some("pending")).await;
    assert_eq!(names(&audit), ["charged-once", "every-order-ends"]);
}

#[tokio::test]
async fn an_order_whose_checkout_turned_back_before_or_after_it_was_made_is_accounted_for() {
    for (order, status) in [(Some("cancelled"), "cancelled"), (None, "cancelled before they were opened")] {
        let audit = found(Some(SagaStatus::Compensated), order).await;
        assert_eq!(names(&audit), [""; 0]);
        assert_eq!(audit.orders, BTreeMap::from([(status.to_owned(), 1)]));
    }
}
