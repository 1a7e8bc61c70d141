//! The status of an order, read from its document.

use seaworthy_order_fulfillment::documents::OrderStatus;
use seaworthy_scenarios::order_fulfillment::status::status_in;

#[test]
fn a_status_is_read_from_any_writing_of_the_document_and_not_from_a_text_within_it() {
    for status_wanted in [OrderStatus::Pending, OrderStatus::Confirmed, OrderStatus::Cancelled, OrderStatus::Shipped] {
        let text = r#"","status":"pending"#;
        let document = serde_json::json!({ "note": text, "status": status_wanted, "sku": "cd-1" });
        let compact = serde_json::to_vec(&document).expect("a document has a JSON form");
        let pretty = serde_json::to_vec_pretty(&document).expect("a document has a JSON form");
        assert_eq!(status_in(&compact), Some(status_wanted));
        assert_eq!(status_in(&pretty), Some(status_wanted));
    }
    assert_eq!(status_in(br#"{"status":"lost"}"#), None);
    assert_eq!(status_in(b"{}"), None);
}
