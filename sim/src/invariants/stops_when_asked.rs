use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

use super::{Entity, Interest, Invariant, Judge, Mode};
use crate::{
    plan::{FaultKind, is_given_up_by_its_caller},
    topology::Topology,
    trace::{Event, ProcessIndex, VirtualTime, What, micros},
};

/// `stops-when-asked`: a process that is asked to stop, as at each deployment, ends by itself.
///
/// It has [ten seconds](Topology::stops_within()) for that, as with many a platform; then it is killed, with whatever it has in hand. One that is still there by then
/// has a loop that does not look at [`ports.stop`](seaworthy_core::ports::Ports), or waits for something that nothing brings while it stops.
/// A process whose main function has returned before is over once its tasks are. It is asked by the fault [`Stop`](crate::plan::Verdict::Stop), and
/// twice by a [`Rollout`](crate::plan::Disturbance::Rollout): when its next release comes, and when that is taken back.
///
/// Not judged is a stop while anything else is wrong or has just been: a call that is held up, an outage, a fault that strikes until the
/// process is killed; nor one in a run whose port calls take so long that a batch of them fills that time.
///
/// But a subscription that [hangs](FaultKind::Hang) does not excuse the process that waits for it: there is nothing in its hands that it could finish, so
/// whoever subscribes hears a stop meanwhile, as core's consumer does. Of what it has in hand - a publish, an acknowledgement, a call outside - a process may
/// await the answer, for as long as its limit says. That is no excuse either where the topology says that such a call is
/// [given up](Topology::gives_up_within()) ten seconds or more before the time for a stop is over.
///
/// State: one entry for each process that was asked to stop and is there, and one for each that has had a call hang.
#[derive(Debug)]
pub struct StopsWhenAsked {
    names: Vec<(SmolStr, SmolStr)>,
    within: VirtualTime,
    /// Calls take so long in this run that nothing can be asked.
    is_slow: bool,
    asked: Vec<Asked>,
    /// Faults that last and are not over.
    lasting: BTreeSet<u32>,
    /// Until then something may be held up.
    held_up_until: VirtualTime,
    /// A call outside or at the broker leaves its caller enough of the time for a stop, however long it hangs.
    calls_are_short: bool,
    /// Until then a process may wait for a call for which it need not wait where it is asked to stop. Others may wait for what it does.
    need_not_wait: BTreeMap<u16, VirtualTime>,
}

/// A process that was asked to stop.
#[derive(Debug)]
struct Asked {
    whose: (u16, u32),
    at: VirtualTime,
    event: u64,
}

/// Longer than anything takes that an outage has left behind: a backoff, a lease.
const AFTERMATH: VirtualTime = 60_000_000;

/// Longer than a call that is held up takes, and than one takes that hangs for good.
const HELD_UP: VirtualTime = 120_000_000;
const HANGS: VirtualTime = 720_000_000;

/// Time for what is left to do once a call was given up.
const FOR_THE_REST: VirtualTime = 10_000_000;

/// So many calls may be left to do for what a process has in hand.
const CALLS: u64 = 100;

impl StopsWhenAsked {
    /// The invariant at the start of a run of a topology.
    pub fn from_topology(topology: &Topology) -> Self {
        let names = topology.processes.iter().map(|process| (process.service.clone(), process.name.clone()));
        let (names, within) = (names.collect(), micros(topology.stop_within));
        let given_up_within = micros(topology.give_up_within);
        Self {
            names,
            within,
            is_slow: false,
            asked: Vec::new(),
            lasting: BTreeSet::new(),
            held_up_until: 0,
            calls_are_short: topology.fails_for_good && given_up_within + FOR_THE_REST <= within,
            need_not_wait: BTreeMap::new(),
        }
    }

    fn ask(&mut self, event: &Event, judge: &mut Judge<'_>) {
        if self.is_slow || !self.lasting.is_empty() || event.at <= self.held_up_until {
            return;
        }
        if self.need_not_wait.iter().any(|(process, until)| *process != event.process.0 && event.at <= *until) {
            return;
        }
        judge.judged();
        let whose = (event.process.0, event.incarnation);
        self.asked.push(Asked { whose, at: event.at, event: event.number });
    }

    /// A process that is up is asked to stop and come back as another release.
    fn roll_out(&mut self, event: &Event, judge: &mut Judge<'_>) {
        if event.process != ProcessIndex::WORLD {
            self.ask(event, judge);
        }
    }

    /// A call hangs for which its caller need not wait once it is asked to stop: only others may still be there because of it.
    fn hang_in_vain(&mut self, event: &Event) {
        let process = event.process.0;
        self.asked.retain(|asked| asked.whose.0 == process);
        self.need_not_wait.insert(process, event.at + HANGS);
    }

    fn need_not_wait_for(&self, point: Operation) -> bool {
        point == Operation::Subscribe || self.calls_are_short && is_given_up_by_its_caller(point)
    }

    fn strike(&mut self, index: u32, kind: FaultKind, lasts: bool, at: VirtualTime) {
        // Whatever it does, it may be why somebody is still there.
        self.asked.clear();
        if lasts {
            self.lasting.insert(index);
        }
        let until = match kind {
            FaultKind::Delay => at + HELD_UP,
            FaultKind::Hang => at + HANGS,
            _ => at,
        };
        self.held_up_until = self.held_up_until.max(until);
    }

    fn crash(&mut self, event: &Event, judge: &mut Judge<'_>) {
        let whose = (event.process.0, event.incarnation);
        let Some(first) = self.asked.iter().position(|asked| asked.whose == whose) else { return };
        let asked = self.asked.remove(first);
        // It may have been asked again meanwhile.
        self.asked.retain(|asked| asked.whose != whose);
        if event.at < asked.at + self.within {
            return;
        }
        let (service, name) = self.names.get(usize::from(event.process.0)).cloned().unwrap_or_default();
        let sentence = format!(
            "process {name} was asked to stop and was still there {} s later, when it was killed: let each loop end with `ports.stop`",
            (event.at - asked.at) / 1_000_000
        );
        judge.violate(Entity::named(service, name), sentence, vec![asked.event, event.number]);
    }
}

impl Invariant for StopsWhenAsked {
    fn name(&self) -> &'static str {
        "stops-when-asked"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::FAULT | Interest::PROCESS
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a process that was asked to stop while nothing else was wrong")
    }

    fn pace(&mut self, longest_call: Duration) {
        self.is_slow = micros(longest_call) * CALLS > self.within;
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Fault { kind: FaultKind::Stop, .. } => self.ask(event, judge),
            What::Fault { kind: FaultKind::Rollout, .. } => self.roll_out(event, judge),
            What::Fault { kind: FaultKind::Hang, point: Some(point), .. } if self.need_not_wait_for(*point) => {
                self.hang_in_vain(event);
            }
            What::Fault { index, kind, point } => self.strike(*index, *kind, point.is_none(), event.at),
            What::FaultOver { index } if self.lasting.remove(index) => {
                self.held_up_until = self.held_up_until.max(event.at + AFTERMATH);
            }
            // A release that is taken back.
            What::FaultOver { .. } => self.roll_out(event, judge),
            What::Exit { .. } | What::Panic { .. } => {
                self.asked.retain(|asked| asked.whose != (event.process.0, event.incarnation))
            }
            What::Crash => self.crash(event, judge),
            _ => {}
        }
    }
}
