use std::{cell::RefCell, collections::BTreeMap};

use seaworthy_core::ids::SagaId;
use seaworthy_order_fulfillment::{
    documents::{ORDER_COLLECTION, OrderStatus},
    payments::{CHARGE, PAYMENTS, REFUND},
};
use seaworthy_sim::{
    invariants::{Interest, Invariant, goal},
    trace::{Effect, Event, ProcessIndex, What},
};
use smol_str::SmolStr;

use super::effects;
use crate::order_fulfillment::status::status_in;

/// Returns the goals that a campaign should reach at least once: without them, its silence proves little.
pub(super) fn all() -> Vec<Box<dyn Invariant>> {
    let charged = RefCell::new(Vec::new());
    let owners = RefCell::new(BTreeMap::new());
    vec![
        goal("order-shipped", Interest::DOCUMENT, |event| has_status(event, OrderStatus::Shipped)),
        goal("order-cancelled", Interest::DOCUMENT, |event| has_status(event, OrderStatus::Cancelled)),
        goal("charge-refunded", Interest::EXTERNAL, move |event| charge_refunded(&mut charged.borrow_mut(), event)),
        goal("duplicate-absorbed", Interest::DUPLICATE_SEEN, |_| true),
        goal("saga-taken-over", Interest::SAGA_LOGGED, move |event| taken_over(&mut owners.borrow_mut(), event)),
    ]
}

fn has_status(event: &Event, wanted: OrderStatus) -> bool {
    effects(event).iter().any(|effect| {
        matches!(effect, Effect::Document { collection, body: Some(body), .. }
            if collection == ORDER_COLLECTION && status_in(body) == Some(wanted))
    })
}

/// Returns `true` if money went back. Keeps the orders that were charged.
fn charge_refunded(charged: &mut Vec<SmolStr>, event: &Event) -> bool {
    let What::External { service, operation, subject, acted: true, .. } = &event.what else { return false };
    if service != PAYMENTS {
        return false;
    }
    if operation == CHARGE {
        charged.push(subject.clone());
    }
    operation == REFUND && charged.contains(subject)
}

/// Returns `true` if a saga goes on at another replica. Keeps who last wrote to the log of each saga that has not
/// ended.
fn taken_over(owners: &mut BTreeMap<SagaId, ProcessIndex>, event: &Event) -> bool {
    let mut taken_over = false;
    for effect in effects(event) {
        if let Effect::SagaLogged { saga, status, .. } = effect {
            let before = owners.insert(*saga, event.process);
            taken_over |= before.is_some_and(|owner| owner != event.process);
            if status.is_terminal() {
                owners.remove(saga);
            }
        }
    }
    taken_over
}
