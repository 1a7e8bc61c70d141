//! One run in which something strikes, and what its trace says of it.

use seaworthy_core::ports::Operation;
use std::time::Duration;

use seaworthy_sim::{
    plan::{CallFault, Disturbance, FORMAT, Fault, Latency, Plan, Schedule, TimedFault, Verdict},
    trace::{Event, Outcome, ProcessIndex, What},
    world::{Budget, RunOptions, RunReport, run},
};

use crate::world_verdicts::everywhere::{Ask, Probe, Seen, message};

pub(crate) struct StruckRun {
    pub(crate) seen: Seen,
    pub(crate) report: RunReport,
}

impl StruckRun {
    /// The first call of the one process at `point` meets `verdict`.
    pub(crate) fn by(point: Operation, verdict: Verdict) -> Self {
        Self::run(vec![Fault::Call(CallFault { process: "one".into(), point: point.into(), nth: 1, verdict })])
    }

    /// The first call of the onlooker, who does not listen when it is asked to stop.
    pub(crate) fn deaf(verdict: Verdict) -> Self {
        let point = Operation::Publish.into();
        Self::run(vec![Fault::Call(CallFault { process: "onlooker".into(), point, nth: 1, verdict })])
    }

    /// Something goes wrong over a span of time.
    pub(crate) fn over_time(from_ms: u64, to_ms: u64, what: Disturbance) -> Self {
        Self::run(vec![Fault::Timed(TimedFault { from_ms, to_ms, what })])
    }

    pub(crate) fn run(faults: Vec<Fault>) -> Self {
        let schedule = Schedule { latency: Latency::Equal { ms: 1 }, stall_per_mille: 0 };
        let plan =
            Plan { format: FORMAT.into(), scenario: "everywhere".into(), seed: 1, schedule, workload: Ask, faults };
        let seen = Seen::default();
        // The saga is nobody's, so the run never comes to rest: that is not what is judged here.
        let budget = Budget::default().quiesce(Duration::from_secs(30));
        let options = RunOptions::default().keep_trace(true).budget(budget);
        let report = run(&Probe(seen.clone()), &plan, &options).expect("the verdict fits the point");
        Self { seen, report }
    }

    pub(crate) fn trace(&self) -> &[Event] {
        self.report.trace.as_deref().expect("kept")
    }

    pub(crate) fn after_fault(&self) -> &[Event] {
        let at = self.trace().iter().position(|event| matches!(event.what, What::Fault { .. })).expect("it struck");
        &self.trace()[at..]
    }

    /// When the fault struck, when the call that it struck left its mark in the trace, and how the call went.
    pub(crate) fn call(&self, point: Operation) -> (u64, u64, Option<Outcome>) {
        let after = self.after_fault();
        let mut calls = after.iter().filter_map(|event| Some((event.at, of(&event.what)?)));
        let (at, (_, outcome)) = calls.find(|(_, (found, _))| *found == point).expect("the call shows in the trace");
        (after[0].at, at, outcome)
    }

    pub(crate) fn deliveries(&self, name: &'static str) -> usize {
        let is_delivered = |event: &&Event| match &event.what {
            What::Deliver { message: delivered, .. } => delivered.id == message(name).id,
            _ => false,
        };
        self.trace().iter().filter(is_delivered).count()
    }

    pub(crate) fn boots(&self) -> usize {
        let is_boot = |event: &&Event| matches!(event.what, What::Boot { .. }) && event.process == ProcessIndex(0);
        self.trace().iter().filter(is_boot).count()
    }

    pub(crate) fn requests(&self) -> usize {
        self.trace().iter().filter(|event| matches!(event.what, What::Request { .. })).count()
    }
}

/// Which call an event is about, and how that call went where the event says so.
pub(crate) fn of(what: &What) -> Option<(Operation, Option<Outcome>)> {
    Some(match what {
        What::Begin { outcome, .. } => (Operation::Begin, Some(*outcome)),
        What::Statement { point, outcome, .. } | What::StoreCall { operation: point, outcome, .. } => {
            (*point, Some(*outcome))
        }
        What::Commit { outcome, .. } => (Operation::Commit, Some(*outcome)),
        What::Claim { outcome, .. } => (Operation::Claim, Some(*outcome)),
        What::Settle { outcome, .. } => (Operation::Settle, Some(*outcome)),
        What::Acquire { outcome, .. } => (Operation::AcquireSagas, Some(*outcome)),
        What::Publish { outcome, .. } => (Operation::Publish, Some(*outcome)),
        What::Subscribe { outcome, .. } => (Operation::Subscribe, Some(*outcome)),
        What::Deliver { .. } => (Operation::Receive, None),
        What::ReceiveFailed { outcome, .. } => (Operation::Receive, Some(*outcome)),
        What::Ack { outcome, .. } => (Operation::Ack, Some(*outcome)),
        What::Nack { outcome, .. } => (Operation::Nack, Some(*outcome)),
        What::External { outcome, .. } => (Operation::External, Some(*outcome)),
        What::Request { .. } => (Operation::Request, None),
        What::Reply { outcome, .. } => (Operation::Reply, Some(*outcome)),
        _ => return None,
    })
}
