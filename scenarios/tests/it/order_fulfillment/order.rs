//! The order and its status.

use seaworthy_core::aggregate::Aggregate;
use seaworthy_scenarios::order_fulfillment::{PlaceOrder, documents::OrderStatus, process::order::Order};

fn order(status: OrderStatus) -> Order {
    let placed = PlaceOrder { id: "order-1".into(), sku: "cd-1".into(), quantity: 1, amount_cents: 100, customer: 1 };
    Order { status, ..Order::placed(placed) }
}

#[test]
fn of_all_changes_of_status_only_three_are_allowed_and_only_a_real_one_is_an_event() {
    use OrderStatus::{Cancelled, Confirmed, Pending, Shipped};
    let all = [Pending, Confirmed, Cancelled, Shipped];
    for from in all {
        for to in all {
            let mut moved = order(from);
            let legal = matches!((from, to), (Pending, Confirmed | Cancelled) | (Confirmed, Shipped));
            assert_eq!(moved.move_to(to).is_ok(), legal || from == to, "{from:?} to {to:?}");
            let event = Order::transition(Some(&order(from)), &moved);
            assert_eq!(event.is_some(), legal, "{from:?} to {to:?} records {event:?}");
        }
    }
}

#[test]
fn a_status_is_read_from_any_writing_of_the_document_and_not_from_a_text_within_it() {
    for status_wanted in [OrderStatus::Pending, OrderStatus::Confirmed, OrderStatus::Cancelled, OrderStatus::Shipped] {
        let text = r#"","status":"pending"#;
        let document = serde_json::json!({ "note": text, "status": status_wanted, "sku": "cd-1" });
        let compact = serde_json::to_vec(&document).expect("a document has a JSON form");
        let pretty = serde_json::to_vec_pretty(&document).expect("a document has a JSON form");
        assert_eq!(OrderStatus::written_in(&compact), Some(status_wanted));
        assert_eq!(OrderStatus::written_in(&pretty), Some(status_wanted));
    }
    assert_eq!(OrderStatus::written_in(br#"{"status":"lost"}"#), None);
    assert_eq!(OrderStatus::written_in(b"{}"), None);
}
