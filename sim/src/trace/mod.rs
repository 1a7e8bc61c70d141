//! The trace: what happened, one event a port call, in the order in which it happened.
//!
//! Everything that judges a run reads the trace and nothing else. It is a stream: a run hands each event to the
//! fingerprint and to the invariants and keeps it only when asked to.

#[cfg(test)]
mod arbitrary;

pub(crate) mod event;
mod file;
mod log;
mod span;
pub(crate) mod text;

pub mod script;

pub use crate::fingerprint::Fingerprint;
pub use event::{
    ClaimedRow, Effect, Event, KeptRows, Outcome, ProcessIndex, RowMessages, SettledAs, SettledRow, TxId, VirtualTime,
    What, Work,
};
pub(crate) use event::{add_effects, micros, told};
pub use file::{Divergence, PlanText, TRACE_FORMAT, TraceFile, TraceFileError, TraceHeader, diff};
pub use log::Log;
pub use span::{SpanContent, SpanRecord};
pub use text::{Names, Renderer, TraceLine, interleave};
pub(crate) use text::{ids_in, millis};
