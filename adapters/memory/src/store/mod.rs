//! The simulated store: a pure model, and a thin async type that gives it the core's `Store` port.
//!
//! | item | what it is | when you need it |
//! |---|---|---|
//! | [`MemoryStore`] | a store in memory with snapshot isolation | as the store of a simulated process, or in unit tests |
//!
//! The model decides no fault and draws nothing; what surrounds it does.

mod memory;
mod model;
mod shared_model;
mod transaction;

pub use memory::MemoryStore;
