//! The transactional outbox: messages are staged with the state that they speak of, and published afterwards.
//!
//! | part | what it is | when you need it |
//! |---|---|---|
//! | [`MessageBuilder`](crate::message::MessageBuilder) | builds a [`Message`](crate::message::Message) with its envelope | to stage one with [`OutboxWrites::stage`](crate::ports::OutboxWrites::stage) |
//! | [`Relay`] | claims, publishes and settles rows | one or more in every deployment |
//! | [`LogRelay`] | the same for a log: tails it, publishes, moves its position | instead of [`Relay`], where rows should not be claimed |
//! | [`OutboxRetention`] | deletes dispatched rows after a while | one in every deployment |
//! | [`redrive`], [`discard`] | bring dead rows back, or delete them | when an operator says so |
//! | [`republish_since`], [`republish`] | send once more what was dispatched | when a broker has lost what it had |
//! | [`life_cycle`] | the states of a row, as a pure function | to write a store, or to judge one |
//!
//! # Guarantee
//! A staged message is published at least once if its transaction commits, and never if it does not. Messages of one
//! partition key are published in commit order, each only after the one before it was settled
//! ([`OutboxOrder::PerKey`](crate::ports::OutboxOrder::PerKey)). A message keeps its id in every attempt, so a consumer with
//! the [inbox](crate::inbox) has its effect once.
//!
//! # Columns
//! A SQL store keeps the columns that the [Debezium outbox event router] reads by default, so a change-data-capture
//! connector can publish the same table:
//!
//! | column | envelope field |
//! |---|---|
//! | `id` | [`id`](crate::message::Message::id) |
//! | `aggregatetype` | [`topic`](crate::message::Message::topic) |
//! | `aggregateid` | [`subject`](crate::message::Message::subject) |
//! | `type` | [`kind`](crate::message::Message::kind) |
//! | `payload` | [`data`](crate::message::Message::data) |
//!
//! [Debezium outbox event router]: https://debezium.io/documentation/reference/stable/transformations/outbox-event-router.html

mod budget;
mod config;
mod lease_budget;
pub mod life_cycle;
mod log_alone;
mod log_relay;
mod log_waits;
mod log_window;
mod poll;
mod publisher;
mod redrive;
mod relay;
mod report;
mod republish;
mod retention;
mod setters;
mod survived;
mod topics;

pub use config::RelayConfig;
pub use log_relay::LogRelay;
pub use redrive::{discard, redrive};
pub use relay::Relay;
pub use report::PassReport;
pub use republish::{republish, republish_since};
pub use retention::OutboxRetention;
