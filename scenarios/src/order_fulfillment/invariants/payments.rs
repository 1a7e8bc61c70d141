use std::collections::BTreeMap;

use seaworthy_order_fulfillment::{
    documents::{ORDER_COLLECTION, OrderStatus},
    payments::{CHARGE, PAYMENTS, REFUND},
};
use seaworthy_sim::{invariants::Invariant, prelude::*};
use smol_str::SmolStr;

use super::view::OrderView;

#[derive(Default)]
struct Facts {
    status: Option<(OrderStatus, u64)>,
    charges: u32,
    refunds: u32,
    /// The charge or refund that was seen last.
    last: u64,
}

/// No order is charged twice, and in the end a confirmed order is paid for and a cancelled one got back what was charged.
/// Charges are counted where the payment service really acted, whether or not anybody heard.
pub(super) fn charged_once() -> Box<dyn Invariant> {
    always("charged-once", BTreeMap::<SmolStr, Facts>::new())
        .on_call(PAYMENTS, |orders, call| {
            let order = call.subject;
            let facts = orders.entry(order.clone()).or_default();
            let is_charge = match call.operation.as_str() {
                CHARGE => true,
                // A refund of nothing only makes sure that the charge never happens.
                REFUND if facts.charges > facts.refunds => false,
                _ => return Ok(()),
            };
            let before = std::mem::replace(&mut facts.last, call.event.number);
            if !is_charge {
                facts.refunds += 1;
                return Ok(());
            }
            facts.charges += 1;
            if facts.charges == 1 {
                return Ok(());
            }
            let again = Broken::new(order.as_str(), format!("order {order} was charged {} times", facts.charges));
            Err(again.at(before).at(call.event))
        })
        .on_document(ORDER_COLLECTION, |orders, order: Written<'_, OrderView>| {
            orders.entry(order.id.clone()).or_default().status = Some((order.value.status, order.event.number));
            Ok(())
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
