use seaworthy_core::ports::Timestamp;
use smol_str::SmolStr;

use super::{Fired, Judged};
use crate::{
    invariants::{Ending, Invariant, Judge, Violation},
    trace::{Event, Fingerprint, ProcessIndex, VirtualTime, What},
};

/// A run that goes on being wrong says so this often and no more: the first violations tell the story.
const VIOLATIONS_MAX: usize = 64;

/// Takes in the trace: numbers the events, folds them into the fingerprint, shows them to the invariants, and keeps
/// them only if the whole trace was asked for.
pub(super) struct Recorder {
    next: u64,
    fingerprint: Fingerprint,
    invariants: Vec<Watched>,
    violations: Vec<Violation>,
    reached: Vec<&'static str>,
    fired: Vec<Fired>,
    kept: Option<Vec<Event>>,
}

struct Watched {
    invariant: Box<dyn Invariant>,
    judged: u64,
}

/// What is left of a recorder when the run is over.
pub(super) struct Record {
    pub(super) fingerprint: u64,
    pub(super) events: u64,
    pub(super) violations: Vec<Violation>,
    pub(super) judged: Vec<Judged>,
    pub(super) reached: Vec<&'static str>,
    pub(super) fired: Vec<Fired>,
    pub(super) trace: Option<Vec<Event>>,
}

impl Recorder {
    pub(super) fn new(invariants: Vec<Box<dyn Invariant>>, keep_trace: bool, epoch: Timestamp) -> Self {
        let mut fingerprint = Fingerprint::new();
        fingerprint.add(&epoch);
        Self {
            next: 0,
            fingerprint,
            invariants: invariants.into_iter().map(|invariant| Watched { invariant, judged: 0 }).collect(),
            violations: Vec::new(),
            reached: Vec::new(),
            fired: Vec::new(),
            kept: keep_trace.then(Vec::new),
        }
    }

    /// Takes in one event.
    pub(super) fn record(&mut self, at: VirtualTime, process: ProcessIndex, incarnation: u32, what: What) {
        if let What::Fault { index, kind, point } = what
            && !self.fired.iter().any(|fired| fired.index == index)
        {
            self.fired.push(Fired { index, kind, point });
        }
        let event = Event { number: self.next, at, process, incarnation, what };
        self.next += 1;
        self.fingerprint.add(&event);
        if self.violations.len() < VIOLATIONS_MAX {
            for watched in &mut self.invariants {
                let mut judge = Judge {
                    invariant: watched.invariant.name(),
                    judged: &mut watched.judged,
                    reached: &mut self.reached,
                    violations: &mut self.violations,
                };
                watched.invariant.observe(&event, &mut judge);
            }
        }
        if let Some(kept) = &mut self.kept {
            kept.push(event);
        }
    }

    /// Adds a violation that the world itself found.
    pub(super) fn violate(&mut self, invariant: &'static str, entity: String, sentence: String) {
        let events = vec![self.next.saturating_sub(1)];
        self.violations.push(Violation { invariant: SmolStr::new_static(invariant), entity, sentence, events });
    }

    /// Ends the trace: the invariants see the ending.
    pub(super) fn finish(mut self, ending: Ending) -> Record {
        for watched in &mut self.invariants {
            let mut judge = Judge {
                invariant: watched.invariant.name(),
                judged: &mut watched.judged,
                reached: &mut self.reached,
                violations: &mut self.violations,
            };
            watched.invariant.conclude(ending, &mut judge);
        }
        self.violations.truncate(VIOLATIONS_MAX);
        Record {
            fingerprint: self.fingerprint.value(),
            events: self.next,
            violations: self.violations,
            judged: self
                .invariants
                .iter()
                .map(|watched| Judged {
                    invariant: watched.invariant.name(),
                    mode: watched.invariant.mode(),
                    times: watched.judged,
                })
                .collect(),
            reached: self.reached,
            fired: self.fired,
            trace: self.kept,
        }
    }
}
