use std::collections::BTreeMap;

use seaworthy_order_fulfillment::{
    documents::{SHIPMENT_COLLECTION, Shipment},
    payments::{CHARGE, PAYMENTS, REFUND},
};
use seaworthy_sim::{invariants::Invariant, prelude::*};
use smol_str::SmolStr;

#[derive(Default)]
struct Facts {
    charged: bool,
    shipped_at: Option<u64>,
    refunded_at: Option<u64>,
}

/// No order is both shipped and refunded: goods or money, never both.
pub(super) fn never_shipped_and_refunded() -> Box<dyn Invariant> {
    always("never-shipped-and-refunded", BTreeMap::<SmolStr, Facts>::new())
        .on_call(PAYMENTS, |orders, call| {
            let facts = orders.entry(call.subject.clone()).or_default();
            match call.operation.as_str() {
                CHARGE => facts.charged = true,
                REFUND if facts.charged && facts.refunded_at.is_none() => {
                    facts.refunded_at = Some(call.event.number);
                    return facts.judge(call.subject);
                }
                _ => {}
            }
            Ok(())
        })
        .on_document(SHIPMENT_COLLECTION, |orders, shipment: Written<'_, Shipment>| {
            let order = &shipment.value.order;
            if shipment.version > 1 {
                return Ok(());
            }
            let facts = orders.entry(order.clone()).or_default();
            facts.shipped_at.get_or_insert(shipment.event.number);
            facts.judge(order)
        })
        .boxed()
}

impl Facts {
    fn judge(&self, order: &str) -> Result<(), Broken> {
        match (self.shipped_at, self.refunded_at) {
            (Some(shipped), Some(refunded)) => {
                let both = Broken::new(order, format!("order {order} was both shipped and refunded"));
                Err(both.at(shipped).at(refunded))
            }
            _ => Ok(()),
        }
    }
}
