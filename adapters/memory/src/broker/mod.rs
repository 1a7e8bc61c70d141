//! The simulated broker: a pure model, and a thin async type that gives it the core's `Broker` port.
//!
//! | item | what it is | when you need it |
//! |---|---|---|
//! | [`MemoryBroker`] | a broker in memory: consumer groups, order by key, redelivery | as the broker of a simulated world, or in unit tests |
//! | [`BrokerConfig`] | its settings | to change the visibility timeout or to refuse what nobody is bound to |
//!
//! The model decides no fault and draws nothing; what surrounds it does.

mod config;
mod memory;
mod model;
mod shared_model;
mod subscription;

pub use config::{BrokerConfig, Unroutable};
pub use memory::MemoryBroker;
