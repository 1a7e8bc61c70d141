//! Sagas, transactional outbox, relay, inbox and aggregates behind ports.
//!
//! The crate has no backend: it reads no clock, draws no randomness and does no I/O but through its [`ports`]. The same
//! code runs in production on an adapter and, unchanged, in the simulator of `seaworthy-sim`.

pub mod aggregate;
pub mod backoff;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod ids;
pub mod inbox;
pub mod message;
pub mod outbox;
pub mod participant;
pub mod ports;
pub mod saga;
pub mod stop;
pub mod wake;
