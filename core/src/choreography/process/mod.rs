//! Process managers: they listen to several domains and remember what they have heard.

mod instance;
mod manager;
mod orders;
mod reaction;
mod retention;
mod work;

pub use manager::{ProcessManager, ProcessManagerBuilder};
pub use orders::{OrderError, ProcessOutcome};
pub use reaction::Reaction;
pub use retention::ProcessRetention;
