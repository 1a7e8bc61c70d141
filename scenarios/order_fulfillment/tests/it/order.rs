//! The order and its status.

use seaworthy_core::aggregate::Aggregate;
use seaworthy_order_fulfillment::{documents::OrderStatus, order::Order, requests::PlaceOrder};

fn order(status: OrderStatus) -> Order {
    let placed = PlaceOrder { id: "order-1".into(), sku: "cd-1".into(), quantity: 1, amount_cents: 100, customer: 1 };
    Order { status, ..Order::placed(placed) }
}

#[test]
fn seed_01_of_all_changes_of_status_only_three_are_allowed_and_only_a_real_one_is_an_event() {
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
