use std::time::Duration;

use smol_str::SmolStr;

use super::Effort;
use crate::{
    invariants::{Ending, Mode, Violation},
    plan::{FaultKind, Point},
    trace::{Event, Told},
};

/// A fault of the plan that struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fired {
    /// Its position in the plan's list.
    pub index: u32,
    /// Its kind.
    pub kind: FaultKind,
    /// Where, for a fault at a call.
    pub point: Option<Point>,
}

/// How often an invariant had something to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Its name.
    pub invariant: &'static str,
    /// When it is judged.
    pub mode: Mode,
    /// How often it had something to judge.
    pub times: u64,
    /// What has to happen for it to have anything to judge, if it says so.
    pub subject: Option<&'static str>,
    /// How often that happened.
    pub met: u64,
}

/// What one run showed.
#[derive(Clone, Debug)]
pub struct RunReport {
    /// Of the whole trace.
    pub fingerprint: u64,
    /// Events in the trace.
    pub events: u64,
    /// Port calls, by [`Point`] in the order of [`Point::ALL`].
    pub calls: [u64; Point::ALL.len()],
    /// Requests of the workload that were answered for good.
    pub answered: u64,
    /// What the run asked of the executor.
    pub effort: Effort,
    /// Virtual time from start to end.
    pub virtual_time: Duration,
    /// How it ended.
    pub ending: Ending,
    /// What did not hold, in the order in which it was found.
    pub violations: Vec<Violation>,
    /// Every invariant, and how often it had something to judge.
    pub judged: Vec<Judged>,
    /// Goals that were reached.
    pub reached: Vec<&'static str>,
    /// Faults that struck, in the order in which they did; one that struck twice is listed once.
    pub fired: Vec<Fired>,
    /// Names of the processes, by their index in events.
    pub processes: Vec<SmolStr>,
    /// The whole trace, if it was asked for.
    pub trace: Option<Vec<Event>>,
    /// What the processes told `tracing`, if it was asked for.
    pub spans: Option<Vec<Told>>,
}

impl RunReport {
    /// Whether everything held.
    pub fn held(&self) -> bool {
        self.violations.is_empty()
    }
}
