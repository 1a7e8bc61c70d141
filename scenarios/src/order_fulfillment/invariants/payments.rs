use std::collections::BTreeMap;

use seaworthy_order_fulfillment::{
    documents::{ORDER_COLLECTION, OrderStatus},
    payments::{CHARGE, PAYMENTS, REFUND},
};
use seaworthy_sim::{invariants::Invariant, prelude::*};
use smol_str::SmolStr;

use super::view::Order;

/// No order is charged twice. Charges are counted where the payment service really acted, whether or not anybody heard.
pub(super) fn charged_once() -> Box<dyn Invariant> {
    always("charged-once", BTreeMap::<SmolStr, (u32, u64)>::new())
        .on_call(PAYMENTS, |orders, call| {
            if call.operation != CHARGE {
                return Ok(());
            }
            let order = call.subject;
            let (charges, last) = orders.entry(order.clone()).or_default();
            let before = std::mem::replace(last, call.event.number);
            *charges += 1;
            if *charges == 1 {
                return Ok(());
            }
            let again = Broken::new(order.as_str(), format!("order {order} was charged {charges} times"));
            Err(again.at(before).at(call.event))
        })
        .boxed()
}

#[derive(Default)]
struct Facts {
    status: Option<(OrderStatus, u64)>,
    charges: u32,
    refunds: u32,
    /// The charge or refund that was seen last.
    last: u64,
}

/// A confirmed order is paid for; a cancelled one gets back what was charged.
pub(super) fn payments_settled() -> Box<dyn Invariant> {
    eventually("payments-settled", BTreeMap::<SmolStr, Facts>::new())
        .on_call(PAYMENTS, |orders, call| {
            let facts = orders.entry(call.subject.clone()).or_default();
            match call.operation.as_str() {
                CHARGE => facts.charges += 1,
                // A refund of nothing only makes sure that the charge never happens.
                REFUND if facts.charges > facts.refunds => facts.refunds += 1,
                _ => return,
            }
            facts.last = call.event.number;
        })
        .on_document(ORDER_COLLECTION, |orders, order: Written<'_, Order>| {
            orders.entry(order.id.clone()).or_default().status = Some((order.value.status, order.event.number));
        })
        .at_rest(|orders| std::mem::take(orders).into_iter().filter_map(|(order, facts)| facts.unsettled(&order)))
        .boxed()
}

impl Facts {
    fn unsettled(&self, order: &str) -> Option<Broken> {
        let &Self { status, charges, refunds, last } = self;
        let sentence = match status.map(|(status, _)| status) {
            Some(OrderStatus::Confirmed | OrderStatus::Shipped) if charges == 0 => {
                format!("order {order} was confirmed but never charged")
            }
            Some(OrderStatus::Confirmed | OrderStatus::Shipped) if refunds > 0 => {
                format!("order {order} was confirmed and its charge refunded")
            }
            Some(OrderStatus::Cancelled) if charges != refunds => {
                format!("order {order} was cancelled, charged {charges} times and refunded {refunds} times")
            }
            Some(OrderStatus::Pending) => format!("order {order} is neither confirmed nor cancelled"),
            None if charges != refunds => format!("order {order} was charged but does not exist"),
            _ => return None,
        };
        let broken = Broken::new(order, sentence);
        let broken = if charges > 0 { broken.at(last) } else { broken };
        Some(match status {
            Some((_, event)) => broken.at(event),
            None => broken,
        })
    }
}
