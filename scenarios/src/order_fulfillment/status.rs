//! The status of an order, read from its document.

use seaworthy_order_fulfillment::documents::OrderStatus;
use serde::Deserialize;

/// Reads the status in the body of an order's document; `None` if the document is none of the service's.
///
/// Invariants ask for it at every version of every order, four of them, so it reads no more than it must. The service's
/// documents are compact JSON in which one field has this name, and a quote within a text is escaped: these bytes can only
/// be that field. It stands near the end, and is looked for from there.
pub fn status_in(body: &[u8]) -> Option<OrderStatus> {
    let mut colons = (0..body.len()).rev().filter(|at| body[*at] == b':');
    let value = colons.find_map(|colon| {
        let value = body[colon + 1..].strip_prefix(b"\"")?;
        body[..colon].ends_with(br#""status""#).then_some(value)
    });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_read_in_compact_json_in_any_other_and_never_from_a_text() {
        let read = |body: &str| status_in(body.as_bytes());
        assert_eq!(read(r#"{"id":"a","status":"shipped","at":7}"#), Some(OrderStatus::Shipped));
        assert_eq!(read(r#"{"status" : "pending", "note": "a:b"}"#), Some(OrderStatus::Pending));
        assert_eq!(read(r#"{"status":"confirmed","note":"\"status\":\"cancelled\""}"#), Some(OrderStatus::Confirmed));
        assert_eq!(read(r#"{"states":"pending"}"#), None);
        assert_eq!(read(""), None);
    }
}
