use std::collections::BTreeMap;

use seaworthy_core::ids::SagaId;
use seaworthy_sim::{
    invariants::{Invariant, Judge, Mode},
    trace::{Effect, Event, ProcessIndex, What},
};
use smol_str::SmolStr;

use super::{effects, status};
use crate::order_fulfillment::{
    documents::{ORDERS, OrderStatus},
    payments::{CHARGE, PAYMENTS, REFUND},
};

/// Something that a campaign should have seen at least once: without it, its silence proves little.
pub struct Goal<S> {
    name: &'static str,
    state: S,
    is_reached: fn(&mut S, &Event) -> bool,
    reached: bool,
}

impl<S> Goal<S> {
    /// The goal called `name`: reached with the first event for which `is_reached` says so.
    pub fn new(name: &'static str, state: S, is_reached: fn(&mut S, &Event) -> bool) -> Self {
        Self { name, state, is_reached, reached: false }
    }
}

impl<S: Send> Invariant for Goal<S> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn mode(&self) -> Mode {
        Mode::Sometimes
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        if !self.reached && (self.is_reached)(&mut self.state, event) {
            self.reached = true;
            judge.judged();
            judge.reached(self.name);
        }
    }
}

/// All goals of this scenario.
pub(super) fn all() -> Vec<Box<dyn Invariant>> {
    vec![
        Box::new(Goal::new("order-shipped", (), |(), event| has_status(event, OrderStatus::Shipped))),
        Box::new(Goal::new("order-cancelled", (), |(), event| has_status(event, OrderStatus::Cancelled))),
        Box::new(Goal::new("charge-refunded", Vec::new(), charge_refunded)),
        Box::new(Goal::new("duplicate-absorbed", (), |(), event| matches!(event.what, What::DuplicateSeen { .. }))),
        Box::new(Goal::new("saga-taken-over-by-another-replica", BTreeMap::new(), taken_over)),
    ]
}

fn has_status(event: &Event, wanted: OrderStatus) -> bool {
    effects(event).iter().any(|effect| {
        matches!(effect, Effect::Document { collection, body: Some(body), .. }
            if collection == ORDERS && status(body) == Some(wanted))
    })
}

/// Keeps the orders that were charged.
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

/// Keeps who last wrote to the log of each saga that has not ended.
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
