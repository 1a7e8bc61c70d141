use std::collections::BTreeMap;

use seaworthy_order_fulfillment::documents::{ORDER_COLLECTION, OrderStatus, SHIPMENT_COLLECTION, Shipment};
use seaworthy_sim::{
    invariants::{Ending, Entity, Interest, Invariant, Judge, Mode},
    trace::{Effect, Event},
};
use smol_str::SmolStr;

use super::effects;
use crate::order_fulfillment::status::status_in;

/// One shipment for each confirmed order, and none for another.
#[derive(Debug, Default)]
pub struct OneShipment {
    orders: BTreeMap<SmolStr, Facts>,
}

#[derive(Debug, Default)]
struct Facts {
    confirmed_at: Option<u64>,
    shipped_at: Option<u64>,
}

impl Invariant for OneShipment {
    fn name(&self) -> &'static str {
        "one-shipment"
    }

    fn mode(&self) -> Mode {
        Mode::Eventually
    }

    fn interest(&self) -> Interest {
        Interest::DOCUMENT
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        for effect in effects(event) {
            let Effect::Document { collection, id, body: Some(body), version } = effect else { continue };
            if collection == ORDER_COLLECTION
                && matches!(status_in(body), Some(OrderStatus::Confirmed | OrderStatus::Shipped))
            {
                self.orders.entry(id.clone()).or_default().confirmed_at.get_or_insert(event.number);
            } else if collection == SHIPMENT_COLLECTION && *version == 1 {
                let Ok(shipment) = serde_json::from_slice::<Shipment>(body) else { continue };
                let facts = self.orders.entry(shipment.order.clone()).or_default();
                let order = &shipment.order;
                judge.judged();
                match (facts.shipped_at, facts.confirmed_at) {
                    (Some(first), _) => judge.violate(
                        Entity::named("order", order.clone()),
                        format!("order {order} has a second shipment, {id}"),
                        vec![first, event.number],
                    ),
                    (None, None) => judge.violate(
                        Entity::named("order", order.clone()),
                        format!("order {order} has shipment {id} but was never confirmed"),
                        vec![event.number],
                    ),
                    (None, Some(_)) => {}
                }
                facts.shipped_at.get_or_insert(event.number);
            }
        }
    }

    fn conclude(&mut self, ending: Ending, judge: &mut Judge<'_>) {
        if ending != Ending::Quiet {
            return;
        }
        for (order, facts) in &self.orders {
            if let (Some(confirmed), None) = (facts.confirmed_at, facts.shipped_at) {
                judge.judged();
                judge.violate(
                    Entity::named("order", order.clone()),
                    format!("order {order} was confirmed but never got a shipment"),
                    vec![confirmed],
                );
            }
        }
    }
}
