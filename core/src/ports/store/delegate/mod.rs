//! Stores and transactions that pass everything on to an inner one, but for what they override.

mod store;
mod transaction;

pub use store::DelegateStore;
pub use transaction::DelegateTransaction;
