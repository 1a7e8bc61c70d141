//! The world of a run, as it is begun, ruled, healed and ended: executes one plan once.

mod control;
mod cycle;
mod driven;
mod ending;
mod hanging;
mod judges;
mod kept;
mod operator;
mod options;
mod outside;
mod prepared;
mod report;
mod rest;
mod restore;
mod run;
mod view;
mod watch;

pub use crate::kernel::{Budget, CallPart, Effort, Fired, Strikable};
pub(crate) use judges::{instructed, without_observers};
pub use options::RunOptions;
pub use report::RunReport;
pub use run::run;
pub(crate) use watch::{before_the_end, note_profile, rehearsing};
