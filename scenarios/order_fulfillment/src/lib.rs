//! Order fulfilment: a checkout saga, outbox, relay and inbox over two services, on the ports of `seaworthy-core` alone.
//!
//! [`orders`] (any number of replicas on one store) takes orders and runs the checkout: open the order, reserve stock,
//! charge the card at `payments`, confirm the order, request the shipment. [`shipping`] (the same, on a store of its own)
//! makes the shipment and reports back. `payments` is somebody else's.
//!
//! ```text
//! client ── place_order ─► orders ── charge, refund ─► payments
//!                            │ ▲
//!       shipment.requested   ▼ │   shipment.created, shipment.dispatched
//!                          shipping
//! ```
//!
//! Production hands a [`Boot`](seaworthy_core::boot::Boot) with the ports of its adapters to [`orders::orders`] and
//! [`shipping::shipping`]; a simulation hands its own to the very same functions. Nothing here knows which of the two it
//! is.
//!
//! | module | what it is |
//! |---|---|
//! | [`orders`] | one replica of `orders`: requests, checkout, recovery, relay, consumer |
//! | [`shipping`] | one replica of `shipping`: consumer, relay |
//! | [`requests`] | what customers ask |
//! | [`messages`] | what the two services tell each other: topics, kinds, contents, consumer groups |
//! | [`payments`] | what is asked of the payment provider |
//! | [`checkout`] | the saga and its steps |
//! | [`order`] | the order: its life cycle and the message of its confirmation |
//! | [`stock`] | stock levels |
//! | [`shipment`] | making a shipment, once for each request |
//! | [`documents`] | what the stores hold |
//! | [`upkeep`] | retention |
//! | [`json`] | bodies as JSON |
//! | [`Settings`] | how often and how long |
//! | [`ClockAndRandom`] | a process's own clock and randomness |
//! | [`Variant`] | the parts that may be written in another way |

pub mod checkout;
pub mod documents;
pub mod json;
pub mod messages;
pub mod order;
pub mod orders;
pub mod payments;
pub mod requests;
pub mod shipment;
pub mod shipping;
pub mod stock;
pub mod upkeep;

mod clock_and_random;
mod settings;
mod variant;

pub use clock_and_random::ClockAndRandom;
pub use settings::Settings;
pub use variant::{Checkout, Variant};
