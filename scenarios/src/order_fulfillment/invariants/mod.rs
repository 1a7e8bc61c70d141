//! What must hold for orders, whatever goes wrong on the way. All of it is read from the trace.
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
use serde::Deserialize;

pub use payments::ChargedOnce;
pub use refunds::NeverShippedAndRefunded;
pub use shipments::OneShipment;
pub use stock::StockConserved;

use super::{Orders, documents::OrderStatus};

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

/// The status in an order's document; `None` if the document is not one of ours.
///
/// Every version of every order comes by here four times, so it reads no more than it must. Our own documents are compact
/// JSON in which one field has this name, and a quote within a text is escaped: these bytes can only be that field.
pub(super) fn status(body: &[u8]) -> Option<OrderStatus> {
    const FIELD: &[u8] = br#""status":""#;
    let value = body.windows(FIELD.len()).position(|window| window == FIELD).map(|at| &body[at + FIELD.len()..]);
    match value.and_then(|value| value.split(|byte| *byte == b'"').next()) {
        Some(b"pending") => Some(OrderStatus::Pending),
        Some(b"confirmed") => Some(OrderStatus::Confirmed),
        Some(b"cancelled") => Some(OrderStatus::Cancelled),
        Some(b"shipped") => Some(OrderStatus::Shipped),
        _ => status_in_other_writing(body),
    }
}

/// As [`status`], for JSON that is written in another way.
fn status_in_other_writing(body: &[u8]) -> Option<OrderStatus> {
    #[derive(Deserialize)]
    struct Head {
        status: OrderStatus,
    }
    serde_json::from_slice::<Head>(body).ok().map(|head| head.status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_from_any_writing_of_the_document_and_not_from_a_text_within_it() {
        for status_wanted in
            [OrderStatus::Pending, OrderStatus::Confirmed, OrderStatus::Cancelled, OrderStatus::Shipped]
        {
            let text = r#"","status":"pending"#;
            let document = serde_json::json!({ "note": text, "status": status_wanted, "sku": "cd-1" });
            let compact = serde_json::to_vec(&document).expect("a document has a JSON form");
            let pretty = serde_json::to_vec_pretty(&document).expect("a document has a JSON form");
            assert_eq!(status(&compact), Some(status_wanted));
            assert_eq!(status(&pretty), Some(status_wanted));
        }
        assert_eq!(status(br#"{"status":"lost"}"#), None);
        assert_eq!(status(b"{}"), None);
    }
}
