//! Strikes: the call that a fault struck, and the process that died of it.

use super::graph::Link;
use crate::{
    plan::{Fault, FaultKind, Target},
    trace::{Event, Outcome, ProcessIndex, What},
};
use seaworthy_core::ports::Operation;

/// Faults whose effect is still to be seen.
#[derive(Debug)]
pub(super) struct Strikes<'a> {
    faults: &'a [Fault],
    /// Names of the processes, by index.
    processes: &'a [smol_str::SmolStr],
    pending: Vec<Pending>,
    /// Timed faults that are on: the position in the plan, and the event that said so.
    active: Vec<(u32, u32)>,
    /// The newest release that was booted, and where it was first.
    newest: Option<(u32, u32)>,
    /// Deaths of one moment that no fault at a call explains.
    unexplained: Vec<(u32, u64)>,
}

/// A fault at a call, and the call that it struck once that was seen.
#[derive(Clone, Copy, Debug)]
struct Pending {
    fault: u32,
    process: ProcessIndex,
    incarnation: u32,
    task: u32,
    point: Operation,
    is_deadly: bool,
    struck: Option<(u32, u64)>,
}

impl<'a> Strikes<'a> {
    pub(super) fn new(faults: &'a [Fault], processes: &'a [smol_str::SmolStr]) -> Self {
        Self { faults, processes, pending: Vec::new(), active: Vec::new(), newest: None, unexplained: Vec::new() }
    }

    /// Takes in an event and hands over what led to it. Returns whether a fault at a call struck it: of what an outage
    /// refuses, every poll is one, and none of them is more than another.
    pub(super) fn see(&mut self, position: u32, event: &Event, link: &mut impl FnMut(Link)) -> bool {
        match &event.what {
            What::Fault { kind, point: Some(point), .. } => {
                let is_deadly = kind.ends_process();
                let Event { process, incarnation, task, .. } = *event;
                let (fault, point) = (position, *point);
                self.pending.push(Pending { fault, process, incarnation, task, point, is_deadly, struck: None });
                false
            }
            What::Fault { index, point: None, .. } => {
                self.active.push((*index, position));
                false
            }
            What::FaultOver { index } => {
                self.active.retain(|(active, _)| active != index);
                false
            }
            What::Healed => {
                self.pending.clear();
                self.active.clear();
                self.replace(position, event.at, link);
                false
            }
            What::Boot { release } => {
                if *release > self.newest.map_or(1, |(newest, _)| newest) {
                    self.newest = Some((*release, position));
                }
                false
            }
            What::Crash => {
                self.disturb(position, event, link);
                let died = self.crash(position, event, link);
                if !died {
                    self.unexplained.retain(|(_, at)| *at == event.at);
                    self.unexplained.push((position, event.at));
                }
                died
            }
            what => {
                self.disturb(position, event, link);
                self.strike(position, event, what, link)
            }
        }
    }

    fn crash(&mut self, position: u32, event: &Event, link: &mut impl FnMut(Link)) -> bool {
        let of_it = |pending: &Pending| pending.process == event.process && pending.incarnation == event.incarnation;
        let mut died = false;
        for pending in self.pending.iter().filter(|pending| of_it(pending) && pending.is_deadly) {
            died = true;
            link(Link { cause: pending.fault, effect: position, to_cause: 0, to_effect: 0 });
            if let Some((struck, _)) = pending.struck {
                link(Link { cause: struck, effect: position, to_cause: 0, to_effect: 1 });
            }
        }
        self.pending.retain(|pending| !of_it(pending));
        died
    }

    /// Once the world heals, all run the newest release: who runs an older one dies in that moment, just before it is told.
    fn replace(&mut self, healed: u32, at: u64, link: &mut impl FnMut(Link)) {
        let Some((_, newest)) = self.newest else { return };
        let replaced = self.unexplained.drain(..).filter(|(_, death)| *death == at);
        let mut is_any = false;
        for (death, _) in replaced {
            is_any = true;
            link(Link { cause: healed, effect: death, to_cause: 1, to_effect: 1 });
        }
        if is_any {
            link(Link { cause: newest, effect: healed, to_cause: 1, to_effect: 1 });
        }
    }

    fn strike(&mut self, position: u32, event: &Event, what: &What, link: &mut impl FnMut(Link)) -> bool {
        let Some(point) = point_of(what) else { return false };
        let mut is_struck = false;
        for pending in &mut self.pending {
            let is_its_own = pending.process == event.process
                && pending.incarnation == event.incarnation
                && pending.task == event.task
                && pending.point == point;
            // A batch is one call and several events of one moment.
            if is_its_own && pending.struck.is_none_or(|(_, at)| at == event.at) {
                pending.struck.get_or_insert((position, event.at));
                link(Link { cause: pending.fault, effect: position, to_cause: 0, to_effect: 0 });
                is_struck = true;
            }
        }
        self.pending.retain(|pending| pending.is_deadly || pending.struck.is_none_or(|(_, at)| at == event.at));
        is_struck
    }

    /// Calls that an outage refuses are told with it, and of a process that is held up the first thing that it does then.
    fn disturb(&mut self, position: u32, event: &Event, link: &mut impl FnMut(Link)) {
        if self.active.is_empty() {
            return;
        }
        let is_refused = outcome_of(&event.what) == Some(Outcome::Unavailable);
        let name = self.processes.get(usize::from(event.process.0));
        self.active.retain(|&(index, fault)| {
            let Some(Fault::Timed(timed)) = self.faults.get(index as usize) else { return false };
            match timed.what.kind() {
                // Of a process that is held up or misled: the first thing that it does then.
                kind if kind.is_felt_once() => {
                    let is_its_own =
                        matches!((timed.what.target(), name), (Target::Process(whose), Some(name)) if whose == *name);
                    if is_its_own {
                        link(Link { cause: fault, effect: position, to_cause: 1, to_effect: 1 });
                    }
                    !is_its_own
                }
                FaultKind::TopicOutage => {
                    let is_its_own = |topic: &str| matches!(timed.what.target(), Target::Topic(down) if down == topic);
                    if let What::Publish { message, outcome, .. } = &event.what
                        && !outcome.took_effect()
                        && is_its_own(&message.topic)
                    {
                        link(Link { cause: fault, effect: position, to_cause: 1, to_effect: 3 });
                    }
                    true
                }
                FaultKind::Poison | FaultKind::PoisonPublish | FaultKind::PoisonCall => {
                    if matches!(
                        event.what,
                        What::Caught { .. } | What::Panic { .. } | What::Crash | What::Spoils { .. }
                    ) {
                        link(Link { cause: fault, effect: position, to_cause: 1, to_effect: 3 });
                    }
                    true
                }
                FaultKind::Restore => {
                    if matches!(event.what, What::Crash | What::Restored { .. }) {
                        link(Link { cause: fault, effect: position, to_cause: 1, to_effect: 3 });
                    }
                    true
                }
                FaultKind::EndlessConflict | FaultKind::EndlessUnavailable => {
                    let outcome = match timed.what.kind() {
                        FaultKind::EndlessConflict => Outcome::Conflict,
                        _ => Outcome::Unavailable,
                    };
                    if outcome_of(&event.what) == Some(outcome) || matches!(event.what, What::Spoils { .. }) {
                        link(Link { cause: fault, effect: position, to_cause: 1, to_effect: 3 });
                    }
                    true
                }
                _ => {
                    if is_refused {
                        link(Link { cause: fault, effect: position, to_cause: 1, to_effect: 3 });
                    }
                    true
                }
            }
        });
    }
}

/// The kind of port call that an event tells of.
fn point_of(what: &What) -> Option<Operation> {
    Some(match what {
        What::Begin { .. } => Operation::Begin,
        What::Statement { point, .. } | What::StoreCall { operation: point, .. } => *point,
        What::DuplicateSeen { .. } => Operation::InboxInsert,
        What::Commit { .. } => Operation::Commit,
        What::Claim { .. } => Operation::Claim,
        What::Settle { .. } => Operation::Settle,
        What::Acquire { .. } => Operation::AcquireSagas,
        What::Publish { .. } => Operation::Publish,
        What::Subscribe { .. } => Operation::Subscribe,
        What::Deliver { .. } | What::ReceiveFailed { .. } => Operation::Receive,
        What::Ack { .. } => Operation::Ack,
        What::Nack { .. } => Operation::Nack,
        What::External { .. } => Operation::External,
        What::Request { .. } => Operation::Request,
        What::Reply { .. } => Operation::Reply,
        _ => return None,
    })
}

/// Returns the outcome of a port call.
pub(in crate::story) fn outcome_of(what: &What) -> Option<Outcome> {
    match what {
        What::Reply { outcome, .. }
        | What::Begin { outcome, .. }
        | What::Statement { outcome, .. }
        | What::Commit { outcome, .. }
        | What::Claim { outcome, .. }
        | What::Settle { outcome, .. }
        | What::Acquire { outcome, .. }
        | What::StoreCall { outcome, .. }
        | What::Publish { outcome, .. }
        | What::Subscribe { outcome, .. }
        | What::ReceiveFailed { outcome, .. }
        | What::Ack { outcome, .. }
        | What::Nack { outcome, .. }
        | What::External { outcome, .. } => Some(*outcome),
        _ => None,
    }
}
