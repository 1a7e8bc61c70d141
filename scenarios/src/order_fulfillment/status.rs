//! The status of an order, read from its document.

use seaworthy_order_fulfillment::documents::OrderStatus;
use serde::Deserialize;

/// Reads the status in the body of an order's document; `None` if the document is none of the service's.
///
/// Invariants ask for it at every version of every order, four of them, so it reads no more than it must. The service's
/// documents are compact JSON in which one field has this name, and a quote within a text is escaped: these bytes can only
/// be that field. It stands near the end, and is looked for from there.
pub fn status_in(body: &[u8]) -> Option<OrderStatus> {
    const FIELD: &[u8] = br#""status":""#;
    let value = body.windows(FIELD.len()).rposition(|window| window == FIELD).map(|at| &body[at + FIELD.len()..]);
    match value.and_then(|value| value.split(|byte| *byte == b'"').next()) {
        Some(b"pending") => Some(OrderStatus::Pending),
        Some(b"confirmed") => Some(OrderStatus::Confirmed),
        Some(b"cancelled") => Some(OrderStatus::Cancelled),
        Some(b"shipped") => Some(OrderStatus::Shipped),
        _ => in_other_writing(body),
    }
}

/// As [`status_in`], for JSON that is written in another way.
fn in_other_writing(body: &[u8]) -> Option<OrderStatus> {
    #[derive(Deserialize)]
    struct Head {
        status: OrderStatus,
    }
    serde_json::from_slice::<Head>(body).ok().map(|head| head.status)
}
