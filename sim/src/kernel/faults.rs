use super::strikable::{Marks, Strikable};
use crate::{
    plan::{Disturbance, Fault, FaultKind, Plan, Point, Verdict},
    topology::Topology,
    trace::ProcessIndex,
};

/// The plan's faults, laid out so that a port call finds its own in no time.
pub(crate) struct Faults {
    /// For each process and point: faults still to come, the next one last.
    calls: Vec<Vec<Pending>>,
    counts: Vec<u32>,
    /// Timed faults that are on.
    active: Vec<Active>,
    timed: Vec<Timed>,
    healed: bool,
    /// Kept where somebody wants to know which calls can be struck.
    marks: Option<Box<Marks>>,
}

struct Pending {
    nth: u32,
    index: u32,
    verdict: Verdict,
}

/// A verdict on one port call, and the fault that it comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Struck {
    pub(crate) index: u32,
    pub(crate) kind: FaultKind,
    pub(crate) verdict: Verdict,
}

/// What a timed fault does, with names resolved to indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disturbed {
    Broker,
    Store(usize),
    External(usize),
    Partition(ProcessIndex),
    Pause(ProcessIndex),
    SlowLink(ProcessIndex, u32),
    ClockSkew(ProcessIndex, i64),
}

#[derive(Clone, Copy)]
pub(crate) struct Timed {
    pub(crate) from_ms: u64,
    pub(crate) to_ms: u64,
    pub(crate) index: u32,
    pub(crate) kind: FaultKind,
    pub(crate) what: Disturbed,
}

struct Active {
    timed: Timed,
    fired: bool,
}

fn slot(process: ProcessIndex, point: Point) -> usize {
    usize::from(process.0) * Point::ALL.len() + point as usize
}

/// Whose calls a slot is for, and which kind.
fn of(slot: usize) -> (ProcessIndex, Point) {
    (ProcessIndex((slot / Point::ALL.len()) as u16), Point::ALL[slot % Point::ALL.len()])
}

impl Faults {
    /// Lays out the faults of a plan that is valid for `topology`.
    pub(crate) fn new<W>(plan: &Plan<W>, topology: &Topology) -> Self {
        let slots = topology.processes.len() * Point::ALL.len();
        let mut calls: Vec<Vec<Pending>> = Vec::new();
        calls.resize_with(slots, Vec::new);
        let mut timed = Vec::new();
        let process = |name: &str| {
            let index = topology.processes.iter().position(|process| process.name == name);
            ProcessIndex(index.expect("a valid plan names processes that exist") as u16)
        };
        let stores = topology.stores();
        for (index, fault) in plan.faults.iter().enumerate() {
            let kind = fault.kind();
            let index = index as u32;
            match fault {
                Fault::Call(call) => calls[slot(process(&call.process), call.point)].push(Pending {
                    nth: call.nth,
                    index,
                    verdict: call.verdict,
                }),
                Fault::Timed(fault) => {
                    let what = match &fault.what {
                        Disturbance::BrokerOutage => Disturbed::Broker,
                        Disturbance::StoreOutage { store } => Disturbed::Store(
                            stores.iter().position(|name| name == store).expect("a valid plan names stores that exist"),
                        ),
                        Disturbance::ExternalOutage { service } => Disturbed::External(
                            topology
                                .externals
                                .iter()
                                .position(|external| external.name == *service)
                                .expect("a valid plan names services that exist"),
                        ),
                        Disturbance::Partition { process: name } => Disturbed::Partition(process(name)),
                        Disturbance::Pause { process: name } => Disturbed::Pause(process(name)),
                        Disturbance::SlowLink { process: name, extra_ms } => {
                            Disturbed::SlowLink(process(name), *extra_ms)
                        }
                        Disturbance::ClockSkew { process: name, offset_ms } => {
                            Disturbed::ClockSkew(process(name), *offset_ms)
                        }
                    };
                    timed.push(Timed { from_ms: fault.from_ms, to_ms: fault.to_ms, index, kind, what });
                }
            }
        }
        for list in &mut calls {
            // The next one last; of two at the same call the first in the plan wins and the other is spent on the next.
            list.sort_by_key(|pending| std::cmp::Reverse((pending.nth, pending.index)));
        }
        Self { calls, counts: vec![0; slots], active: Vec::new(), timed, healed: false, marks: None }
    }

    /// From now on notes which calls can be struck.
    pub(crate) fn list_calls(&mut self) {
        self.marks = Some(Box::default());
    }

    /// The calls that one more fault could have struck, where they were noted.
    pub(crate) fn strikable(&self) -> Option<Vec<Strikable>> {
        self.marks.as_ref().map(|marks| marks.strikable(&self.counts, of))
    }

    /// All timed faults, for the world's agenda.
    pub(crate) fn timed(&self) -> Vec<Timed> {
        self.timed.clone()
    }

    /// Counts a call and says what strikes it.
    pub(crate) fn strike(&mut self, process: ProcessIndex, point: Point) -> Option<Struck> {
        let slot = slot(process, point);
        self.counts[slot] += 1;
        let pending = self.calls[slot].last()?;
        if self.healed || pending.nth > self.counts[slot] {
            return None;
        }
        let pending = self.calls[slot].pop()?;
        if let Some(marks) = &mut self.marks {
            marks.strike(&self.counts);
        }
        Some(Struck { index: pending.index, kind: pending.verdict.kind(), verdict: pending.verdict })
    }

    /// Takes back what was to strike a call that never came to it: it strikes the next call of its kind.
    pub(crate) fn give_back(&mut self, process: ProcessIndex, point: Point, struck: Struck) {
        let slot = slot(process, point);
        let pending = Pending { nth: self.counts[slot], index: struck.index, verdict: struck.verdict };
        self.calls[slot].push(pending);
    }

    /// Calls of each kind so far, over all processes, in the order of [`Point::ALL`].
    pub(crate) fn calls(&self) -> [u64; Point::ALL.len()] {
        let mut calls = [0; Point::ALL.len()];
        for (slot, count) in self.counts.iter().enumerate() {
            calls[slot % Point::ALL.len()] += u64::from(*count);
        }
        calls
    }

    /// The port calls that were made most often: by whom, at which point, how often.
    pub(crate) fn busiest(&self, most: usize) -> Vec<(ProcessIndex, Point, u32)> {
        let mut slots: Vec<(usize, u32)> = self.counts.iter().copied().enumerate().filter(|slot| slot.1 > 0).collect();
        slots.sort_by_key(|&(slot, count)| (std::cmp::Reverse(count), slot));
        let of = |(slot, count)| {
            let (process, point) = of(slot);
            (process, point, count)
        };
        slots.into_iter().take(most).map(of).collect()
    }

    pub(crate) fn begin(&mut self, index: u32) {
        if let Some(timed) = self.timed.iter().find(|timed| timed.index == index)
            && !self.healed
        {
            self.active.push(Active { timed: *timed, fired: false });
        }
    }

    /// Ends a timed fault, and says whether it ever struck.
    pub(crate) fn end(&mut self, index: u32) -> bool {
        let fired = self.active.iter().any(|active| active.timed.index == index && active.fired);
        self.active.retain(|active| active.timed.index != index);
        fired
    }

    /// No more faults from now on.
    pub(crate) fn heal(&mut self) {
        self.healed = true;
        if let Some(marks) = &mut self.marks {
            marks.heal(&self.counts);
        }
        self.active.clear();
    }

    /// Whether no fault strikes any more.
    pub(crate) fn have_healed(&self) -> bool {
        self.healed
    }

    pub(crate) fn is_disturbed(&self) -> bool {
        !self.active.is_empty()
    }

    /// Visits the timed faults that are on and match: `visit` gets the fault and whether this is the first time that
    /// it strikes.
    pub(crate) fn disturb(&mut self, matches: impl Fn(Disturbed) -> bool, mut visit: impl FnMut(&Timed, bool)) {
        for active in &mut self.active {
            if matches(active.timed.what) {
                visit(&active.timed, !active.fired);
                active.fired = true;
            }
        }
    }
}
