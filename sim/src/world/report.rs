use seaworthy_core::ports::Operation;
use std::time::Duration;

use smol_str::SmolStr;

use crate::{
    invariants::{Dealt, Ending, Judged, Violation},
    kernel::{Effort, Fired, Strikable},
    trace::{Event, SpanRecord},
};

/// Report of one run.
#[derive(Clone, Debug)]
pub struct RunReport {
    /// Fingerprint of the whole trace.
    pub fingerprint: u64,
    /// Events in the trace.
    pub events: u64,
    /// Port calls, by [`Operation`] in the order of [`Operation::ALL`].
    pub calls: [u64; Operation::ALL.len()],
    /// The port calls that one more fault could have struck, by process and operation, if they were asked for.
    pub strikable: Option<Vec<Strikable>>,
    /// Requests of the workload that were answered for good.
    pub answered: u64,
    /// Effort of the executor for the run.
    pub effort: Effort,
    /// Virtual time from start to end.
    pub virtual_time: Duration,
    /// Ending of the run.
    pub ending: Ending,
    /// Violations, in the order in which they were found.
    pub violations: Vec<Violation>,
    /// Every invariant, and how often it had something to judge.
    pub judged: Vec<Judged>,
    /// Goals that were reached.
    pub reached: Vec<&'static str>,
    /// Fates of the messages that each consumer group acknowledged, but for
    /// [observers](crate::scenario::Topology::observer).
    pub dealt: Vec<Dealt>,
    /// Faults that struck, in the order in which they did; one that struck twice is listed once.
    pub fired: Vec<Fired>,
    /// Names of the processes, by their index in events.
    pub processes: Vec<SmolStr>,
    /// The whole trace, if it was asked for and is [no longer](super::RunOptions::trace_max) than it may be.
    pub trace: Option<Vec<Event>>,
    /// Spans and events that the processes told `tracing`, if they were asked for.
    pub spans: Option<Vec<SpanRecord>>,
}

impl RunReport {
    /// Returns `true` if everything held.
    pub fn held(&self) -> bool {
        self.violations.is_empty()
    }
}
