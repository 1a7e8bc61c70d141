use std::sync::Arc;

use seaworthy_core::ports::Timestamp;
use smol_str::SmolStr;

use super::{
    Fired, activity::Activity, copies::Copies, given_up::GivenUpBook, panics::PanicPlace, spans::SpanBook, task,
};
use crate::{
    invariants::{Ending, Entity, Findings, Interest, Invariant, Panel, Violation},
    trace::{Event, Fingerprint, ProcessIndex, SpanRecord, TxId, VirtualTime, What, Work},
};

/// So many events of the tail are kept at most.
const TAIL_MAX: usize = 8_000;

/// Classes of events that may give work up, or take it up again.
const GIVES_UP: Interest = Interest::INBOX.and(Interest::SAGA_LOGGED).and(Interest::SETTLE).and(Interest::FAULT);

/// Takes in the trace: numbers the events, folds them into the fingerprint, shows them to the invariants, and keeps
/// them only if the whole trace was asked for.
pub(crate) struct Recorder {
    next: u64,
    fingerprint: Fingerprint,
    panel: Panel,
    fired: Vec<Fired>,
    activity: Activity,
    pub(crate) given_up: GivenUpBook,
    pub(crate) copies: Copies,
    /// Violation that the world itself reports at the end, if no invariant does or in any case.
    at_last: Option<(Violation, bool)>,
    /// Hint that is added to whatever is found at the end of a run that is given up.
    hint: Option<Hint>,
    /// The last events, kept once the run is about to be given up.
    tail: Option<Vec<Event>>,
    kept: Option<Vec<Event>>,
    /// A trace that grows longer is let go of.
    kept_max: u64,
    spans: Option<Arc<SpanBook>>,
}

/// Explanation of all that is found once a run is given up.
#[derive(Default)]
struct Hint {
    text: String,
    events: Vec<u64>,
    /// Violations that were found before.
    before: usize,
}

/// Remains of a recorder when the run is over.
pub(crate) struct Record {
    pub(crate) fingerprint: u64,
    pub(crate) events: u64,
    pub(crate) findings: Findings,
    pub(crate) fired: Vec<Fired>,
    pub(crate) trace: Option<Vec<Event>>,
    pub(crate) spans: Option<Vec<SpanRecord>>,
}

impl Recorder {
    /// A recorder that keeps the trace as long as it has at most so many events; none where `keep_trace` is `None`.
    pub(crate) fn new(
        invariants: Vec<Box<dyn Invariant>>,
        activity: Activity,
        keep_trace: Option<u64>,
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
            activity,
            given_up: GivenUpBook::default(),
            copies: Copies::default(),
            at_last: None,
            hint: None,
            tail: None,
            kept: keep_trace.map(|_| Vec::new()),
            kept_max: keep_trace.unwrap_or(0),
            spans,
        }
    }

    /// Takes in one event.
    pub(crate) fn record(&mut self, at: VirtualTime, process: ProcessIndex, incarnation: u32, what: What) {
        if let What::Fault { index, kind, point } = what
            && !self.fired.iter().any(|fired| fired.index == index)
        {
            self.fired.push(Fired { index, kind, point });
        }
        self.activity.observe(at, process, &what);
        self.copies.note(&what);
        // What the world writes down is its own, also where a process's task made it look.
        let task = if process == ProcessIndex::WORLD { 0 } else { task::current() };
        let event = Event { number: self.next, at, process, incarnation, task, what };
        self.next += 1;
        if let Some(spans) = &self.spans {
            spans.passed(self.next);
        }
        self.fingerprint.add(&event);
        let classes = self.panel.observe(&event);
        if classes.meets(GIVES_UP) {
            let panel = &self.panel;
            self.given_up.note(&event.what, |row| panel.settled(row).map(Work::Message));
        }
        if let Some(tail) = &mut self.tail {
            if tail.len() >= TAIL_MAX {
                tail.drain(..TAIL_MAX / 2);
            }
            tail.push(event.clone());
        }
        if let Some(kept) = &mut self.kept {
            kept.push(event);
            if self.next > self.kept_max {
                self.kept = None;
            }
        }
    }

    /// Returns the number of changes of the state that the run is judged by.
    pub(crate) fn changes(&self) -> u64 {
        self.activity.changes()
    }

    /// Returns the time of the last such change.
    pub(crate) fn last_change(&self) -> VirtualTime {
        self.activity.last()
    }

    /// Returns `true` if a process has written anything since, though nothing that counts.
    pub(crate) fn writes(&self, process: ProcessIndex) -> bool {
        self.activity.writes(process)
    }

    /// Returns `true` if a lock is held that the topology declares.
    pub(crate) fn is_locked(&self) -> bool {
        self.activity.is_locked()
    }

    /// Keeps all events from now on, to say what the run does over and over again.
    pub(crate) fn keep_tail(&mut self) {
        self.tail.get_or_insert_default();
    }

    /// The last events, if they were kept.
    pub(crate) fn tail(&self) -> &[Event] {
        self.tail.as_deref().unwrap_or_default()
    }

    /// The run is given up: what is found from now on is told with the [hint](Self::hint).
    pub(crate) fn give_up(&mut self) {
        self.hint = Some(Hint { before: self.panel.violations().len(), ..Hint::default() });
    }

    /// Adds `text`, and the `events` that show it, to whatever was found since the run was [given up](Self::give_up), or
    /// will be.
    pub(crate) fn hint(&mut self, text: &str, events: &[u64]) {
        let hint = self.hint.get_or_insert_default();
        hint.text.push_str(text);
        hint.events.extend(events);
    }

    /// The number of the next event.
    pub(crate) fn next_event(&self) -> u64 {
        self.next
    }

    /// Takes a transaction that lent out its connection for one that has written nothing through it.
    pub(crate) fn only_read(&mut self, tx: TxId) {
        self.activity.only_read(tx);
    }

    /// Returns `true` if spans and events of `tracing` are kept.
    pub(crate) fn keeps_spans(&self) -> bool {
        self.spans.is_some()
    }

    /// Adds a violation that the world itself found, shown by the event that was recorded last.
    pub(crate) fn violate(&mut self, invariant: &'static str, entity: impl Into<Entity>, sentence: String) {
        let violation = self.violation(invariant, entity, sentence);
        self.panel.violate(Violation { at_the_end: false, ..violation });
    }

    /// As [`Recorder::violate`], of a panic at this place in the code.
    pub(crate) fn violate_by_panic(
        &mut self,
        invariant: &'static str,
        entity: impl Into<Entity>,
        sentence: String,
        place: Option<&PanicPlace>,
    ) {
        let violation = self.violation(invariant, entity, sentence);
        let panicked_at = place.map(PanicPlace::whole);
        self.panel.violate(Violation { at_the_end: false, panicked_at, ..violation });
    }

    /// Adds a violation that the world itself found, with the events that show it.
    pub(crate) fn violate_as(&mut self, violation: Violation) {
        self.panel.violate(violation);
    }

    /// As [`Recorder::violate`], behind whatever the invariants say at the end.
    pub(crate) fn violate_at_last(&mut self, invariant: &'static str, entity: impl Into<Entity>, sentence: String) {
        self.at_last = Some((self.violation(invariant, entity, sentence), true));
    }

    /// As [`Recorder::violate_at_last`], unless anything else was found by then.
    pub(crate) fn violate_if_nothing_else(
        &mut self,
        invariant: &'static str,
        entity: impl Into<Entity>,
        sentence: String,
    ) {
        self.at_last = Some((self.violation(invariant, entity, sentence), false));
    }

    fn violation(&self, invariant: &'static str, entity: impl Into<Entity>, sentence: String) -> Violation {
        let (invariant, events) = (SmolStr::new_static(invariant), vec![self.next.saturating_sub(1)]);
        Violation { invariant, entity: entity.into(), sentence, events, at_the_end: true, panicked_at: None }
    }

    /// Ends the trace: the invariants see the ending.
    pub(crate) fn finish(self, ending: Ending) -> Record {
        let mut findings = self.panel.conclude(ending);
        if let Some((violation, always)) = self.at_last
            && (always || findings.violations.is_empty())
        {
            findings.violations.push(violation);
        }
        if let Some(hint) = &self.hint {
            for violation in findings.violations.iter_mut().skip(hint.before) {
                violation.sentence.push_str(&hint.text);
                violation.events.extend(&hint.events);
                violation.events.sort_unstable();
                violation.events.dedup();
            }
        }
        Record {
            fingerprint: self.fingerprint.value(),
            events: self.next,
            findings,
            fired: self.fired,
            trace: self.kept,
            spans: self.spans.map(|spans| spans.take()),
        }
    }
}
