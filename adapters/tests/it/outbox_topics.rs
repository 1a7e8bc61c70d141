//! Topics go out beside each other.

use std::time::Duration;

use seaworthy_core::{
    message::{Message, MessageBuilder},
    outbox::Relay,
    ports::Timestamp,
};
use uuid::Uuid;

use crate::support::on_each_store;

fn message(topic: &str, key: usize) -> Message {
    let id = Uuid::new_v5(&Uuid::nil(), format!("{topic}-{key}").as_bytes());
    MessageBuilder::new("orders", "order.confirmed", format!("{topic}-{key}"))
        .topic(topic)
        .json(&key)
        .expect("a number")
        .derive(id, &["confirm"], Timestamp::EPOCH)
}

#[test]
fn two_topics_that_are_up_both_go_out() {
    on_each_store(async |world| {
        world.ports.spawn("relay", Relay::new(&world.ports).run());
        world.stage((0..150).map(|key| message("orders", key))).await;
        world.stage((0..10).map(|key| message("stock", key))).await;
        world.pass(Duration::from_secs(5)).await;
        assert_eq!((world.broker.accepted_of("orders"), world.broker.accepted_of("stock")), (150, 10));
    });
}
