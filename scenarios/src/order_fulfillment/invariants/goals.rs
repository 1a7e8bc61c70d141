use std::collections::BTreeMap;

use seaworthy_core::ids::SagaId;
use seaworthy_order_fulfillment::{
    documents::{ORDER_COLLECTION, OrderStatus},
    payments::{CHARGE, PAYMENTS, REFUND},
};
use seaworthy_sim::{
    invariants::{Interest, Invariant},
    prelude::*,
    trace::ProcessIndex,
};
use smol_str::SmolStr;

use super::view::OrderView;

/// Returns the goals that a campaign should reach at least once: without them, its silence proves little.
pub(super) fn all() -> Vec<Box<dyn Invariant>> {
    let reached = |goal, status| {
        sometimes(goal, ())
            .on_document(ORDER_COLLECTION, move |(), order: Written<'_, OrderView>| order.value.status == status)
            .boxed()
    };
    vec![
        reached("order-shipped", OrderStatus::Shipped),
        reached("order-cancelled", OrderStatus::Cancelled),
        charge_refunded(),
        sometimes("duplicate-absorbed", ()).on_event(Interest::DUPLICATE_SEEN, |(), _| true).boxed(),
        saga_taken_over(),
    ]
}

/// Money went back. Keeps the orders that were charged.
fn charge_refunded() -> Box<dyn Invariant> {
    sometimes("charge-refunded", Vec::<SmolStr>::new())
        .on_call(PAYMENTS, |charged, call| {
            if call.operation == CHARGE {
                charged.push(call.subject.clone());
            }
            call.operation == REFUND && charged.contains(call.subject)
        })
        .boxed()
}

/// A saga went on at another replica. Keeps who last wrote to the log of each saga that has not ended.
fn saga_taken_over() -> Box<dyn Invariant> {
    sometimes("saga-taken-over", BTreeMap::<SagaId, ProcessIndex>::new())
        .on_event(Interest::SAGA_LOGGED, |owners, event| {
            let mut taken_over = false;
            for effect in event.effects() {
                if let Effect::SagaLogged { saga, status, .. } = effect {
                    let before = owners.insert(*saga, event.process);
                    taken_over |= before.is_some_and(|owner| owner != event.process);
                    if status.is_terminal() {
                        owners.remove(saga);
                    }
                }
            }
            taken_over
        })
        .boxed()
}
