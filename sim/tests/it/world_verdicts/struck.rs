//! One run in which something strikes, and what its trace says of it.

use std::time::Duration;

use seaworthy_sim::{
    plan::{CallFault, Disturbance, FORMAT, Fault, Latency, Plan, Point, Schedule, TimedFault, Verdict},
    trace::{Event, Outcome, ProcessIndex, What},
    world::{Budget, RunOptions, RunReport, run},
};

use crate::world_verdicts::everywhere::{Ask, Probe, Seen, message};

pub(crate) struct Struck {
    pub(crate) seen: Seen,
    pub(crate) report: RunReport,
}

impl Struck {
    /// The first call of the one process at `point` meets `verdict`.
    pub(crate) fn by(point: Point, verdict: Verdict) -> Self {
        Self::run(vec![Fault::Call(CallFault { process: "one".into(), point, nth: 1, verdict })])
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
        let budget = Budget { quiesce: Duration::from_secs(30), ..Budget::default() };
        let options = RunOptions { keep_trace: true, budget, ..RunOptions::default() };
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
    pub(crate) fn call(&self, point: Point) -> (u64, u64, Option<Outcome>) {
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
pub(crate) fn of(what: &What) -> Option<(Point, Option<Outcome>)> {
    Some(match what {
        What::Begin { outcome, .. } => (Point::Begin, Some(*outcome)),
        What::Statement { point, outcome, .. } | What::StoreCall { point, outcome, .. } => (*point, Some(*outcome)),
        What::Commit { outcome, .. } => (Point::Commit, Some(*outcome)),
        What::Claim { outcome, .. } => (Point::Claim, Some(*outcome)),
        What::Settle { outcome, .. } => (Point::Settle, Some(*outcome)),
        What::Acquire { outcome, .. } => (Point::Recover, Some(*outcome)),
        What::Publish { outcome, .. } => (Point::Publish, Some(*outcome)),
        What::Subscribe { outcome, .. } => (Point::Subscribe, Some(*outcome)),
        What::Deliver { .. } => (Point::Receive, None),
        What::ReceiveFailed { outcome, .. } => (Point::Receive, Some(*outcome)),
        What::Ack { outcome, .. } => (Point::Ack, Some(*outcome)),
        What::Nack { outcome, .. } => (Point::Nack, Some(*outcome)),
        What::External { outcome, .. } => (Point::External, Some(*outcome)),
        What::Request { .. } => (Point::Request, None),
        What::Reply { outcome, .. } => (Point::Reply, Some(*outcome)),
        _ => return None,
    })
}
