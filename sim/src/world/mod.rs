//! The world: executes one plan once.

mod client;
mod options;
mod report;
mod run;

pub use client::Client;
pub use options::{Budget, RunOptions, StoreFactory};
pub use report::{Fired, Judged, RunReport};
pub use run::run;
