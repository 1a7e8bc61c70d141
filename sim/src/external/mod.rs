//! Participants that are not ours: services with a ledger of what they really did.

mod service;

pub use service::Service;
