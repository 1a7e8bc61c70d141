//! The trace: what happened, one event a port call, in the order in which it happened.
//!
//! Everything that judges a run reads the trace and nothing else. It is a stream: a run hands each event to the
//! fingerprint and to the invariants and keeps it only when asked to.

#[cfg(test)]
mod arbitrary;

mod effect;
pub(crate) mod ending;
mod event;
mod ids;
mod outcome;
mod rows;
mod what;

mod diff;
mod file;
mod interleave;
mod line;
mod log;
mod names;
mod render;
mod span;
mod told;
pub(crate) mod width;
mod words;

pub mod script;

pub use crate::fingerprint::Fingerprint;
pub use diff::{Divergence, diff};
pub use effect::Effect;
pub use event::Event;
pub use file::{PlanText, TRACE_FORMAT, TraceFile, TraceFileError, TraceHeader};
pub(crate) use ids::micros;
pub use ids::{ProcessIndex, TxId, VirtualTime};
pub use interleave::interleave;
pub use line::TraceLine;
pub use log::Log;
pub use names::Names;
pub(crate) use names::ids_in;
pub use outcome::Outcome;
pub use render::Renderer;
pub use rows::{ClaimedRow, RowMessages, SettledAs, SettledRow};
pub use span::{SpanContent, SpanRecord};
pub(crate) use told::{add_effects, told};
pub use what::What;
pub(crate) use words::millis;
