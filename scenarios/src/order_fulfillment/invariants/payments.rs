use std::collections::BTreeMap;

use seaworthy_order_fulfillment::{
    documents::{ORDER_COLLECTION, OrderStatus},
    payments::{CHARGE, PAYMENTS, REFUND},
};
use seaworthy_sim::{
    invariants::{Ending, Entity, Interest, Invariant, Judge, Mode},
    trace::{Effect, Event, What},
};
use smol_str::SmolStr;

use super::effects;
use crate::order_fulfillment::status::status_in;

/// A confirmed order is charged once and not refunded; a cancelled one is refunded as often as it was charged.
///
/// Charges are counted where the payment service really acted, whether or not anybody heard of it.
#[derive(Debug, Default)]
pub struct ChargedOnce {
    orders: BTreeMap<SmolStr, Facts>,
}

#[derive(Debug, Default)]
struct Facts {
    status: Option<(OrderStatus, u64)>,
    charges: u32,
    refunds: u32,
    /// The charge or refund that was seen last.
    last: u64,
}

impl Invariant for ChargedOnce {
    fn name(&self) -> &'static str {
        "charged-once"
    }

    fn mode(&self) -> Mode {
        Mode::Eventually
    }

    fn interest(&self) -> Interest {
        Interest::EXTERNAL | Interest::DOCUMENT
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        if let What::External { service, operation, subject, acted: true, .. } = &event.what
            && service == PAYMENTS
        {
            let facts = self.orders.entry(subject.clone()).or_default();
            match operation.as_str() {
                CHARGE => {
                    facts.charges += 1;
                    judge.judged();
                    if facts.charges > 1 {
                        let sentence = format!("order {subject} was charged {} times", facts.charges);
                        judge.violate(
                            Entity::named("order", subject.clone()),
                            sentence,
                            vec![facts.last, event.number],
                        );
                    }
                }
                // A refund of nothing only makes sure that the charge never happens.
                REFUND if facts.charges > facts.refunds => facts.refunds += 1,
                _ => return,
            }
            facts.last = event.number;
        }
        for effect in effects(event) {
            if let Effect::Document { collection, id, body: Some(body), .. } = effect
                && collection == ORDER_COLLECTION
                && let Some(status) = status_in(body)
            {
                self.orders.entry(id.clone()).or_default().status = Some((status, event.number));
            }
        }
    }

    fn conclude(&mut self, ending: Ending, judge: &mut Judge<'_>) {
        if ending != Ending::Quiet {
            return;
        }
        for (order, facts) in &self.orders {
            judge.judged();
            let (charges, refunds) = (facts.charges, facts.refunds);
            let wrong = match facts.status {
                Some((OrderStatus::Confirmed | OrderStatus::Shipped, _)) if charges == 0 => {
                    format!("order {order} was confirmed but never charged")
                }
                Some((OrderStatus::Confirmed | OrderStatus::Shipped, _)) if refunds > 0 => {
                    format!("order {order} was confirmed and its charge refunded")
                }
                Some((OrderStatus::Cancelled, _)) if charges != refunds => {
                    format!("order {order} was cancelled, charged {charges} times and refunded {refunds} times")
                }
                Some((OrderStatus::Pending, _)) => format!("order {order} is neither confirmed nor cancelled"),
                None if charges != refunds => format!("order {order} was charged but does not exist"),
                _ => continue,
            };
            let status_event = facts.status.map(|(_, event)| event);
            let payment_event = (charges > 0).then_some(facts.last);
            judge.violate(
                Entity::named("order", order.clone()),
                wrong,
                payment_event.into_iter().chain(status_event).collect(),
            );
        }
    }
}
