use smol_str::SmolStr;

use super::{ProcessIndex, VirtualTime};

/// Recorded span or event that a process told `tracing` during a run. It is no part of the trace, and no invariant sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanRecord {
    /// The number of the trace's event that came next.
    pub before: u64,
    /// Time at which it was told.
    pub at: VirtualTime,
    /// Process that told it; [`ProcessIndex::WORLD`] for the client, the stores and the broker.
    pub process: ProcessIndex,
    /// Number of the boot of that process, from 1; 0 for the world.
    pub incarnation: u32,
    /// Number of spans around it.
    pub depth: usize,
    /// Content of the record.
    pub what: SpanContent,
}

/// Content of a span record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpanContent {
    /// A span opened.
    Opened {
        /// Name of the span.
        name: &'static str,
        /// Its fields, also those that it got later.
        fields: Vec<(&'static str, String)>,
    },
    /// A span closed.
    Closed {
        /// Name of the span.
        name: &'static str,
        /// Time that it was open, in virtual microseconds.
        open_us: u64,
    },
    /// An event of `tracing`.
    Event {
        /// Its level, in lower case.
        level: SmolStr,
        /// Message of the event.
        message: String,
        /// Its other fields.
        fields: Vec<(&'static str, String)>,
    },
}
