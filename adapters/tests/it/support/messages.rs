//! Messages as a service stages them.

use seaworthy_core::{
    message::{Message, MessageBuilder},
    ports::Timestamp,
};
use uuid::Uuid;

/// The message of a topic whose key is the `number`th of that topic.
pub(crate) fn message(topic: &str, number: usize) -> Message {
    of_key(topic, &format!("{topic}-{number}"), 0)
}

/// The `number`th message of a key.
pub(crate) fn of_key(topic: &str, key: &str, number: usize) -> Message {
    let id = Uuid::new_v5(&Uuid::nil(), format!("{topic} {key} {number}").as_bytes());
    MessageBuilder::new("orders", "order.confirmed", key).topic(topic).json(&number).expect("a number").derive(
        id,
        &["confirm"],
        Timestamp::EPOCH,
    )
}
