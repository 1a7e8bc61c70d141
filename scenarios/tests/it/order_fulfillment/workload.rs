//! Orders as they are drawn, made simpler and written.

use seaworthy_scenarios::order_fulfillment::{Orders, PlannedOrder, provider::CARD_LIMIT_CENTS};
use seaworthy_sim::scenario::{Draw, Workload};
use smol_str::format_smolstr;

#[test]
fn a_customer_of_64_bits_is_written_so_that_every_json_tool_keeps_it() {
    let order = Orders::draw(&mut Draw::stream(3, 0)).orders[0].clone();
    for (customer, written) in [
        (7, "\"customer\":7"),
        ((1 << 53) - 1, "\"customer\":9007199254740991"),
        (1 << 53, "\"customer\":\"9007199254740992\""),
        (u64::MAX, "\"customer\":\"18446744073709551615\""),
    ] {
        let order = PlannedOrder { customer, ..order.clone() };
        let json = serde_json::to_string(&order).expect("an order has a JSON form");
        assert!(json.contains(written), "{json}");
        assert_eq!(serde_json::from_str::<PlannedOrder>(&json).expect("its own form"), order);
    }
}

#[test]
fn every_simpler_workload_is_another_one_with_as_many_orders() {
    for seed in 0..200 {
        let orders = Orders::draw(&mut Draw::stream(seed, 0));
        for simple in orders.simpler() {
            assert_ne!(simple, orders);
            assert_eq!(simple.len(), orders.len());
        }
    }
}

#[test]
fn simplifying_comes_to_an_end() {
    // Four simplifications, each of which can apply once at most.
    let mut orders = Orders::draw(&mut Draw::stream(7, 0));
    let mut rounds = 0;
    while let Some(simple) = orders.simpler().into_iter().next() {
        orders = simple;
        rounds += 1;
        assert!(rounds <= 4, "{orders:?} still has simpler variants");
    }
}

#[test]
fn drawn_workloads_hold_declined_payments_and_orders_beyond_the_stock() {
    // 200 workloads of about two orders: each kind is expected some 50 times.
    let orders: Vec<PlannedOrder> = (0..200).flat_map(|seed| Orders::draw(&mut Draw::stream(seed, 0)).orders).collect();
    assert!(orders.iter().any(|order| order.amount_cents > CARD_LIMIT_CENTS));
    assert!(orders.iter().any(|order| order.quantity > 12));
    assert!(orders.iter().any(|order| order.amount_cents == 0));
    assert!(orders.iter().any(|order| order.cancel_after_ms.is_some()));
}

#[test]
fn a_workload_without_a_range_keeps_the_other_orders() {
    let mut orders = Orders::draw(&mut Draw::stream(3, 0));
    let order = orders.orders[0].clone();
    orders.orders = (1..=4).map(|n| PlannedOrder { id: format_smolstr!("order-{n}"), ..order.clone() }).collect();
    let fewer = orders.without(1..3);
    let ids: Vec<&str> = fewer.orders.iter().map(|order| order.id.as_str()).collect();
    assert_eq!(ids, ["order-1", "order-4"]);
}
