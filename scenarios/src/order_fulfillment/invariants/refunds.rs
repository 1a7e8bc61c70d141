use std::collections::BTreeMap;

use seaworthy_order_fulfillment::{
    documents::{SHIPMENT_COLLECTION, Shipment},
    payments::{CHARGE, PAYMENTS, REFUND},
};
use seaworthy_sim::{
    invariants::{Entity, Interest, Invariant, Judge, Mode},
    trace::{Effect, Event, What},
};
use smol_str::SmolStr;

use super::effects;

/// No order is both shipped and refunded: goods or money, never both.
#[derive(Debug, Default)]
pub struct NeverShippedAndRefunded {
    orders: BTreeMap<SmolStr, Facts>,
}

#[derive(Debug, Default)]
struct Facts {
    charged: bool,
    shipped_at: Option<u64>,
    refunded_at: Option<u64>,
}

impl Invariant for NeverShippedAndRefunded {
    fn name(&self) -> &'static str {
        "never-shipped-and-refunded"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::EXTERNAL | Interest::DOCUMENT
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        if let What::External { service, operation, subject, acted: true, .. } = &event.what
            && service == PAYMENTS
        {
            let facts = self.orders.entry(subject.clone()).or_default();
            if operation == CHARGE {
                facts.charged = true;
            } else if operation == REFUND && facts.charged && facts.refunded_at.is_none() {
                facts.refunded_at = Some(event.number);
                facts.judge(subject, judge);
            }
        }
        for effect in effects(event) {
            if let Effect::Document { collection, body: Some(body), version: 1, .. } = effect
                && collection == SHIPMENT_COLLECTION
                && let Ok(shipment) = serde_json::from_slice::<Shipment>(body)
            {
                let facts = self.orders.entry(shipment.order.clone()).or_default();
                facts.shipped_at.get_or_insert(event.number);
                facts.judge(&shipment.order, judge);
            }
        }
    }
}

impl Facts {
    fn judge(&self, order: &str, judge: &mut Judge<'_>) {
        judge.judged();
        if let (Some(shipped), Some(refunded)) = (self.shipped_at, self.refunded_at) {
            judge.violate(
                Entity::named("order", order),
                format!("order {order} was both shipped and refunded"),
                vec![shipped, refunded],
            );
        }
    }
}
