use std::collections::BTreeMap;

use seaworthy_order_fulfillment::documents::{ORDER_COLLECTION, SHIPMENT_COLLECTION, Shipment};
use seaworthy_sim::{invariants::Invariant, prelude::*};
use smol_str::SmolStr;

use super::view::OrderView;

#[derive(Default)]
struct Facts {
    confirmed_at: Option<u64>,
    shipped_at: Option<u64>,
}

/// One shipment for each confirmed order: none gets a second, none that was never confirmed gets one, and in the end each
/// that was confirmed has its own.
pub(super) fn one_shipment() -> Box<dyn Invariant> {
    always("one-shipment", BTreeMap::<SmolStr, Facts>::new())
        .on_document(ORDER_COLLECTION, |orders, order: Written<'_, OrderView>| {
            let facts = orders.entry(order.id.clone()).or_default();
            if order.value.is_confirmed() {
                facts.confirmed_at.get_or_insert(order.event.number);
            }
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
