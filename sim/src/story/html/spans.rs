//! Stretches of a run: processes that were down, and faults that were on.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    story::Lane,
    trace::{Event, ProcessIndex, VirtualTime, What},
};

/// From one event to another; `to` is `None` where it lasted to the end of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Span {
    pub(super) from: u64,
    pub(super) from_us: VirtualTime,
    pub(super) to: Option<u64>,
    pub(super) to_us: Option<VirtualTime>,
}

impl Span {
    fn from(event: &Event) -> Self {
        Self { from: event.number, from_us: event.at, to: None, to_us: None }
    }

    fn end(&mut self, event: &Event) {
        (self.to, self.to_us) = (Some(event.number), Some(event.at));
    }
}

/// A stretch of a run in which a process was not there, or under a fault that lasts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Stretch {
    /// Lane that it belongs to.
    pub(super) lane: Lane,
    #[serde(flatten)]
    pub(super) span: Span,
}

/// The times at which processes were down after they had been up.
pub(super) fn down(trace: &[Event], lane: impl Fn(ProcessIndex) -> Lane) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut open: BTreeMap<ProcessIndex, usize> = BTreeMap::new();
    for event in trace {
        match event.what {
            // A panic or an exit is told before the crash that comes of it.
            What::Crash | What::Panic { .. } | What::Exit { .. } => {
                open.entry(event.process).or_insert_with(|| {
                    stretches.push(Stretch { lane: lane(event.process), span: Span::from(event) });
                    stretches.len() - 1
                });
            }
            What::Boot { .. } => {
                if let Some(stretch) = open.remove(&event.process) {
                    stretches[stretch].span.end(event);
                }
            }
            _ => {}
        }
    }
    stretches
}

/// For each of so many faults of a plan when it struck first, and of one that lasts when it was over; `None` where it never
/// struck.
pub(super) fn faults(trace: &[Event], count: usize) -> Vec<Option<Span>> {
    let mut spans: Vec<Option<Span>> = vec![None; count];
    for event in trace {
        match event.what {
            What::Fault { index, point, .. } => {
                let Some(span @ None) = spans.get_mut(index as usize) else { continue };
                let span = span.insert(Span::from(event));
                if point.is_some() {
                    span.end(event);
                }
            }
            What::FaultOver { index } => {
                if let Some(Some(span)) = spans.get_mut(index as usize) {
                    span.end(event);
                }
            }
            What::Healed => {
                spans.iter_mut().flatten().filter(|span| span.to.is_none()).for_each(|span| span.end(event))
            }
            _ => {}
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use seaworthy_core::ports::Operation;

    use super::*;
    use crate::{plan::FaultKind, story::LaneKind, trace::script::Script};

    fn lane(process: ProcessIndex) -> Lane {
        Lane { kind: LaneKind::Process, name: format!("process-{}", process.0).into() }
    }

    #[test]
    fn a_process_is_down_from_its_end_to_its_next_boot_or_to_the_end_of_the_run() {
        let mut script = Script::new();
        let (first, second) = (script.process("orders-1"), script.process("orders-2"));
        script.boot(first);
        script.boot(second);
        let died = script.event(first, What::Exit { reason: "enough".into() });
        script.crash(first);
        let back = script.boot(first);
        let gone = script.crash(second);
        let down = down(&script.events(), lane);
        let spans: Vec<_> = down.iter().map(|down| (down.lane.name.as_str(), down.span.from, down.span.to)).collect();
        assert_eq!(spans, [("process-0", died, Some(back)), ("process-1", gone, None)]);
    }

    #[test]
    fn a_fault_at_a_call_is_a_moment_and_one_that_lasts_is_over_when_it_is_or_when_the_run_heals() {
        let mut script = Script::new();
        let process = script.process("orders-1");
        let lasting = |index, kind| What::Fault { index, kind, point: None };
        let struck = script.fault(process, FaultKind::LoseReply, Operation::Commit);
        script.fault(process, FaultKind::LoseReply, Operation::Commit);
        let outage = script.event(ProcessIndex::WORLD, lasting(1, FaultKind::BrokerOutage));
        let pause = script.event(ProcessIndex::WORLD, lasting(2, FaultKind::Pause));
        let over = script.event(ProcessIndex::WORLD, What::FaultOver { index: 1 });
        let healed = script.rest() - 1;
        let spans = faults(&script.events(), 4);
        let spans: Vec<_> = spans.iter().map(|span| span.map(|span| (span.from, span.to))).collect();
        assert_eq!(
            spans,
            [Some((struck, Some(struck))), Some((outage, Some(over))), Some((pause, Some(healed))), None]
        );
    }
}
