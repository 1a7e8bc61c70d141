//! The world: executes one plan once.

mod alive;
mod client;
mod control;
mod faults;
mod life;
mod meter;
mod operator;
mod options;
mod outside;
mod own_tables;
mod recorder;
mod report;
mod rest;
mod run;
mod shared;
mod spans;
mod state;
pub(crate) mod task;

pub(crate) use alive::{Deciding, Held};
pub use client::{Client, Overdue};
pub(crate) use faults::{Disturbed, Struck};
pub(crate) use life::{Life, Mortal, OnPanic};
pub use meter::Effort;
pub(crate) use meter::Meter;
pub use options::{Budget, RunOptions, StoreFactory};
pub use report::{Fired, Judged, RunReport};
pub use run::run;
pub(crate) use shared::World;
pub(crate) use spans::process_span;
pub(crate) use state::State;
