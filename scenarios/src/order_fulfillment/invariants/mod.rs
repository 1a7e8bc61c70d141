//! Invariants of orders, whatever goes wrong on the way. All of it is read from the trace.
//!
//! | invariants | what they say |
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
mod view;

use seaworthy_sim::invariants::Invariant;

pub(super) use view::OrderView;

use super::Orders;

/// The business invariants for a run of `orders`.
pub fn business(orders: &Orders) -> Vec<Box<dyn Invariant>> {
    let mut all = vec![
        shipments::one_shipment(),
        payments::charged_once(),
        stock::stock_conserved(&orders.stock),
        refunds::never_shipped_and_refunded(),
    ];
    all.extend(goals::all());
    all
}
