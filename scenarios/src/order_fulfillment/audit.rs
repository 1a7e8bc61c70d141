//! The business invariants over what databases hold, where no trace was kept: production, and tests that kill it.

use std::{collections::BTreeMap, sync::Arc};

use seaworthy_core::ports::{Document, SagaStatus, Store, StoreError};
use seaworthy_order_fulfillment::{
    checkout::CHECKOUT,
    documents::{ORDER_COLLECTION, OrderStatus, SHIPMENT_COLLECTION, STOCK_COLLECTION},
    payments::{CHARGE, PAYMENTS, Payment, REFUND},
};
use seaworthy_sim::{
    invariants::{Ending, Entity, Findings, Panel, Violation},
    trace::{Effect, Log, Outcome, TxId, What},
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{
    Orders,
    invariants::{OrderView, business},
    provider::REFUNDED,
};

/// Collection of what the payment service has done, in a store of its own, by operation id.
pub const LEDGER: &str = "ledger";

/// One entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Operation that was asked for.
    pub operation: SmolStr,
    /// Arguments of the operation.
    pub payment: Payment,
    /// The answer, or why it was declined.
    pub answer: Result<String, String>,
}

/// Result of an audit.
#[derive(Clone, Debug)]
pub struct Audit {
    /// Orders by status. A checkout that turned back before its first step never made its order; it is counted, too.
    pub orders: BTreeMap<String, u64>,
    /// Number of shipments.
    pub shipments: u64,
    /// Findings of the invariants.
    pub findings: Findings,
}

/// Judges the business invariants over three stores that have come to rest. Their documents are put in the order in which
/// they must have come to be: money first, then orders, then shipments. Besides, every order must have come to its end,
/// and nothing may have been given up on the way.
///
/// # Errors
/// Any [`StoreError`] of reading.
pub async fn audit(
    workload: &Orders,
    orders: &dyn Store,
    shipping: &dyn Store,
    payments: &dyn Store,
) -> Result<Audit, StoreError> {
    // What databases hold says nothing of when it came to be: only the order counts.
    let mut log = Log::new();
    let process = log.process("audit");
    for LedgerEntry { operation, payment, .. } in acted(&all(payments, LEDGER).await?) {
        log.append(
            process,
            0,
            What::External {
                service: PAYMENTS.into(),
                operation,
                operation_id: payment.charge,
                subject: payment.order,
                acted: true,
                outcome: Outcome::Done,
            },
        );
    }
    let mut by_status = BTreeMap::new();
    let mut stands = BTreeMap::new();
    let mut shipments = 0;
    for (store, collection) in [(orders, STOCK_COLLECTION), (orders, ORDER_COLLECTION), (shipping, SHIPMENT_COLLECTION)]
    {
        for (number, (id, Document { version, body })) in all(store, collection).await?.into_iter().enumerate() {
            if collection == ORDER_COLLECTION
                && let Ok(OrderView { status }) = serde_json::from_slice(&body)
            {
                *by_status.entry(format!("{status:?}").to_lowercase()).or_default() += 1;
                stands.insert(id.clone(), status);
            }
            shipments += u64::from(collection == SHIPMENT_COLLECTION);
            let effect = Effect::Document { collection: collection.into(), id, version, body: Some(body) };
            let tx = TxId(number as u64 + 1);
            let effects: Arc<[Effect]> = Arc::new([effect]);
            log.append(
                process,
                0,
                What::Commit { tx, store: collection.into(), outcome: Outcome::Done, effects, tried: Box::default() },
            );
        }
    }
    let mut findings = Panel::new(business(workload)).judge(log.events(), Ending::Quiet);
    for order in &workload.orders {
        let checkout = orders.saga_by_key(CHECKOUT, &order.id).await?.map(|saga| saga.status);
        match (checkout, stands.get(&order.id)) {
            (Some(SagaStatus::Completed), Some(OrderStatus::Shipped))
            | (Some(SagaStatus::Compensated), Some(OrderStatus::Cancelled)) => {}
            (Some(SagaStatus::Compensated), None) => {
                *by_status.entry("cancelled before they were opened".to_owned()).or_default() += 1;
            }
            (checkout, order_status) => {
                let sentence = format!("order {} ended as {order_status:?}, its checkout as {checkout:?}", order.id);
                findings.violations.push(violation(
                    "every-order-ends",
                    Entity::named("order", order.id.clone()),
                    sentence,
                ));
            }
        }
    }
    for (service, store) in [("orders", orders), ("shipping", shipping)] {
        let left = store.backlog().await?;
        if left.outbox_dead + left.inbox_dead + left.sagas_stuck > 0 {
            findings.violations.push(violation(
                "nothing-given-up",
                Entity::named(service, service),
                format!("{service} has {left:?}"),
            ));
        }
    }
    Ok(Audit { orders: by_status, shipments, findings })
}

/// Makes a violation that no event shows, because it is about what is not there.
fn violation(invariant: &'static str, entity: Entity, sentence: String) -> Violation {
    Violation {
        invariant: SmolStr::new_static(invariant),
        entity,
        sentence,
        events: Vec::new(),
        at_the_end: true,
        panicked_at: None,
    }
}

/// Charges that took money, then refunds that gave it back.
fn acted(documents: &[(SmolStr, Document)]) -> Vec<LedgerEntry> {
    let entries = documents.iter().filter_map(|(_, document)| serde_json::from_slice(&document.body).ok());
    let mut acted: Vec<LedgerEntry> = entries
        .filter(|entry: &LedgerEntry| match &entry.answer {
            Ok(answer) => entry.operation == CHARGE || answer.as_bytes() == REFUNDED,
            Err(_) => false,
        })
        .collect();
    acted.sort_by_key(|entry| entry.operation == REFUND);
    acted
}

/// All documents of a collection.
async fn all(store: &dyn Store, collection: &str) -> Result<Vec<(SmolStr, Document)>, StoreError> {
    const PAGE: usize = 1_000;
    let mut documents: Vec<(SmolStr, Document)> = Vec::new();
    loop {
        let mut tx = store.begin().await?;
        let after = documents.last().map(|(id, _)| id.clone());
        let page = tx.scan(collection, after.as_deref(), PAGE).await?;
        let is_last = page.len() < PAGE;
        documents.extend(page);
        if is_last {
            return Ok(documents);
        }
    }
}
