//! Invariants of orders, whatever goes wrong on the way. All of it is read from the trace.
//!
//! | invariant | what it says |
//! |---|---|
//! | `shipments` | one shipment for each confirmed order, and none for another |
//! | `payments` | an order is charged once if it is confirmed; if it is cancelled, what was charged is refunded |
//! | `stock` | units are never made, lost or negative, and none stays reserved |
//! | `refunds` | no order is both shipped and refunded |
//! | `goals` | what a campaign should have seen at least once |

mod goals;
mod payments;
mod refunds;
mod shipments;
mod stock;

use seaworthy_sim::{
    invariants::Invariant,
    trace::{Effect, Event, What},
};

pub use payments::ChargedOnce;
pub use refunds::NeverShippedAndRefunded;
pub use shipments::OneShipment;
pub use stock::StockConserved;

use super::Orders;

/// The business invariants for a run of `orders`.
pub fn business(orders: &Orders) -> Vec<Box<dyn Invariant>> {
    let mut all: Vec<Box<dyn Invariant>> = vec![
        Box::new(OneShipment::default()),
        Box::new(ChargedOnce::default()),
        Box::new(StockConserved::new(&orders.stock)),
        Box::new(NeverShippedAndRefunded::default()),
    ];
    all.extend(goals::all());
    all
}

/// The effects of a transaction, if the event is a commit that took effect.
fn effects(event: &Event) -> &[Effect] {
    match &event.what {
        What::Commit { outcome, effects, .. } if outcome.took_effect() => effects,
        _ => &[],
    }
}
