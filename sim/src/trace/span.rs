use smol_str::SmolStr;

use super::{ProcessIndex, VirtualTime};

/// Something that a process told `tracing` while a run went on. It is no part of the trace, and no invariant sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The number of the trace's event that came next.
    pub before: u64,
    /// When it was told.
    pub at: VirtualTime,
    /// Who told it; [`ProcessIndex::WORLD`] for the client, the stores and the broker.
    pub process: ProcessIndex,
    /// Which boot of that process, from 1; 0 for the world.
    pub incarnation: u32,
    /// How many spans were around it.
    pub depth: usize,
    /// What was told.
    pub what: Telling,
}

/// What was told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Telling {
    /// A span opened.
    Opened {
        /// Its name.
        name: &'static str,
        /// Its fields, also those that it got later.
        fields: Vec<(&'static str, String)>,
    },
    /// A span closed.
    Closed {
        /// Its name.
        name: &'static str,
        /// How long it was open, in virtual microseconds.
        open_us: u64,
    },
    /// An event.
    Event {
        /// Its level, in lower case.
        level: SmolStr,
        /// Its message.
        message: String,
        /// Its other fields.
        fields: Vec<(&'static str, String)>,
    },
}
