//! Participants that are not ours: services with a ledger of what they really did.
//!
//! | item | what it is | when you need it |
//! |---|---|---|
//! | [`Service`] | one service as a pure state machine | to bring a participant of your own |
//! | [`MemoryExternal`] | services by name, behind the core's `External` port | as the externals of a simulated world, or in unit tests |
//! | [`Answered`] | an answer, and whether the service acted for it | to observe effects |

mod ledger;
mod memory;
mod service;

pub use ledger::Answered;
pub use memory::MemoryExternal;
pub use service::Service;
