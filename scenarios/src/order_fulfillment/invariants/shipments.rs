use std::collections::BTreeMap;

use seaworthy_order_fulfillment::documents::{ORDER_COLLECTION, SHIPMENT_COLLECTION, Shipment};
use seaworthy_sim::{invariants::Invariant, prelude::*};
use smol_str::SmolStr;

use super::view::Order;

#[derive(Default)]
struct Facts {
    confirmed_at: Option<u64>,
    shipped_at: Option<u64>,
}

impl Facts {
    fn confirm(&mut self, order: &Written<'_, Order>) {
        if order.value.is_confirmed() {
            self.confirmed_at.get_or_insert(order.event.number);
        }
    }
}

/// No order gets a second shipment, and none that was never confirmed gets one.
pub(super) fn one_shipment() -> Box<dyn Invariant> {
    always("one-shipment", BTreeMap::<SmolStr, Facts>::new())
        .on_document(ORDER_COLLECTION, |orders, order: Written<'_, Order>| {
            orders.entry(order.id.clone()).or_default().confirm(&order);
            Ok(())
        })
        .on_document(SHIPMENT_COLLECTION, |orders, shipment: Written<'_, Shipment>| {
            let (id, order) = (shipment.id, &shipment.value.order);
            if shipment.version > 1 {
                return Ok(());
            }
            let facts = orders.entry(order.clone()).or_default();
            let first = facts.shipped_at.replace(shipment.event.number);
            match (first, facts.confirmed_at) {
                (Some(first), _) => {
                    let second = Broken::new(order.as_str(), format!("order {order} has a second shipment, {id}"));
                    Err(second.at(first).at(shipment.event))
                }
                (None, None) => {
                    let sentence = format!("order {order} has shipment {id} but was never confirmed");
                    Err(Broken::new(order.as_str(), sentence).at(shipment.event))
                }
                (None, Some(_)) => Ok(()),
            }
        })
        .boxed()
}

/// Each confirmed order is shipped.
pub(super) fn confirmed_is_shipped() -> Box<dyn Invariant> {
    eventually("confirmed-is-shipped", BTreeMap::<SmolStr, Facts>::new())
        .on_document(ORDER_COLLECTION, |orders, order: Written<'_, Order>| {
            orders.entry(order.id.clone()).or_default().confirm(&order);
        })
        .on_document(SHIPMENT_COLLECTION, |orders, shipment: Written<'_, Shipment>| {
            let shipped = &mut orders.entry(shipment.value.order.clone()).or_default().shipped_at;
            shipped.get_or_insert(shipment.event.number);
        })
        .at_rest(|orders| {
            let unshipped = |(order, facts): (SmolStr, Facts)| match facts {
                Facts { confirmed_at: Some(confirmed), shipped_at: None } => {
                    let sentence = format!("order {order} was confirmed but never got a shipment");
                    Some(Broken::new(order.as_str(), sentence).at(confirmed))
                }
                _ => None,
            };
            std::mem::take(orders).into_iter().filter_map(unshipped)
        })
        .boxed()
}
