use std::sync::Arc;

use seaworthy_core::ports::Timestamp;
use smol_str::SmolStr;

use super::{Fired, spans::SpanBook, task};
use crate::{
    invariants::{Ending, Findings, Invariant, Panel, Violation},
    trace::{Event, Fingerprint, ProcessIndex, Told, VirtualTime, What},
};

/// Takes in the trace: numbers the events, folds them into the fingerprint, shows them to the invariants, and keeps
/// them only if the whole trace was asked for.
pub(super) struct Recorder {
    next: u64,
    fingerprint: Fingerprint,
    panel: Panel,
    fired: Vec<Fired>,
    last_active: VirtualTime,
    kept: Option<Vec<Event>>,
    spans: Option<Arc<SpanBook>>,
}

/// What is left of a recorder when the run is over.
pub(super) struct Record {
    pub(super) fingerprint: u64,
    pub(super) events: u64,
    pub(super) findings: Findings,
    pub(super) fired: Vec<Fired>,
    pub(super) trace: Option<Vec<Event>>,
    pub(super) spans: Option<Vec<Told>>,
}

impl Recorder {
    pub(super) fn new(
        invariants: Vec<Box<dyn Invariant>>,
        keep_trace: bool,
        spans: Option<Arc<SpanBook>>,
        epoch: Timestamp,
    ) -> Self {
        let mut fingerprint = Fingerprint::new();
        fingerprint.add(&epoch);
        Self {
            next: 0,
            fingerprint,
            panel: Panel::new(invariants),
            fired: Vec::new(),
            last_active: 0,
            kept: keep_trace.then(Vec::new),
            spans,
        }
    }

    /// Takes in one event.
    pub(super) fn record(&mut self, at: VirtualTime, process: ProcessIndex, incarnation: u32, what: What) {
        if let What::Fault { index, kind, point } = what
            && !self.fired.iter().any(|fired| fired.index == index)
        {
            self.fired.push(Fired { index, kind, point });
        }
        if !is_idle(&what) {
            self.last_active = at;
        }
        // What the world writes down is its own, also where a process's task made it look.
        let task = if process == ProcessIndex::WORLD { 0 } else { task::current() };
        let event = Event { number: self.next, at, process, incarnation, task, what };
        self.next += 1;
        if let Some(spans) = &self.spans {
            spans.passed(self.next);
        }
        self.fingerprint.add(&event);
        self.panel.observe(&event);
        if let Some(kept) = &mut self.kept {
            kept.push(event);
        }
    }

    /// When something last happened that was more than looking for work.
    pub(super) fn last_active(&self) -> VirtualTime {
        self.last_active
    }

    /// Whether what processes tell `tracing` is kept.
    pub(super) fn keeps_spans(&self) -> bool {
        self.spans.is_some()
    }

    /// Adds a violation that the world itself found, shown by the event that was recorded last.
    pub(super) fn violate(&mut self, invariant: &'static str, entity: String, sentence: String) {
        let events = vec![self.next.saturating_sub(1)];
        self.panel.violate(Violation { invariant: SmolStr::new_static(invariant), entity, sentence, events });
    }

    /// Ends the trace: the invariants see the ending.
    pub(super) fn finish(self, ending: Ending) -> Record {
        Record {
            fingerprint: self.fingerprint.value(),
            events: self.next,
            findings: self.panel.conclude(ending),
            fired: self.fired,
            trace: self.kept,
            spans: self.spans.map(|spans| spans.take()),
        }
    }
}

/// Whether an event is only somebody's looking for work, or the world's own.
fn is_idle(what: &What) -> bool {
    match what {
        What::Claim { rows, .. } => rows.is_empty(),
        What::Acquire { sagas, .. } => sagas.is_empty(),
        What::StoreCall { .. } | What::Subscribe { .. } | What::ReceiveFailed { .. } | What::FaultOver { .. } => true,
        _ => false,
    }
}
