use smol_str::SmolStr;

use super::Renderer;
use crate::trace::{Event, Fingerprint, VirtualTime};

/// One event of a trace in words: what people read, and what [`diff`](crate::trace::diff()) compares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceLine {
    /// Its number, from 0.
    pub number: u64,
    /// Virtual microseconds since the start of the run.
    pub at_us: VirtualTime,
    /// The process and its incarnation.
    pub who: SmolStr,
    /// Name of the kind of event.
    pub what: SmolStr,
    /// Description of the event, with logical ids.
    pub text: String,
    /// Of everything in the event, payloads and real ids included.
    pub hash: u64,
}

impl TraceLine {
    /// The line of an event. Events must come in the order of the trace, because they give the names.
    pub(in crate::trace) fn new(event: &Event, renderer: &mut Renderer) -> Self {
        let mut hash = Fingerprint::new();
        hash.add(event);
        Self {
            number: event.number,
            at_us: event.at,
            who: renderer.who(event),
            what: SmolStr::new_static(event.what.name()),
            text: renderer.text(event),
            hash: hash.value(),
        }
    }
}
