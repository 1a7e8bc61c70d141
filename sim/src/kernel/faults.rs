use seaworthy_core::ports::{Call, Operation};

use super::{
    applied::Applied,
    scope,
    spoils::{self, Spoiled, Subject},
    strikable::{Marks, Strikable},
    timed::{Hit, Places, Timed},
};
use crate::{
    plan::{Calls, Fault, FaultKind, Plan, Point, Verdict},
    topology::Topology,
    trace::ProcessIndex,
};

/// The plan's faults, laid out so that a port call finds its own in no time.
pub(crate) struct Faults {
    /// Faults at calls that are still to come.
    pending: Vec<Pending>,
    /// For each process and operation, and for each kind of operations: how many calls there were, and at how many the next
    /// fault strikes.
    counts: Vec<u32>,
    next: Vec<u32>,
    /// `true` if the plan counts kinds of operations, which costs something at each call.
    by_kind: bool,
    /// Timed faults that are on.
    active: Vec<Active>,
    timed: Vec<Timed>,
    healed: bool,
    /// `true` if some fault of the plan may spoil the effect of an event, so that it has to be known which events there are.
    spoils_events: bool,
    pub(crate) applied: Applied,
    /// Kept where somebody wants to know which calls can be struck.
    marks: Option<Box<Marks>>,
}

struct Pending {
    slot: usize,
    nth: u32,
    index: u32,
    verdict: Verdict,
}

/// A verdict on one port call, and the fault that it comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Injected {
    pub(crate) index: u32,
    pub(crate) kind: FaultKind,
    pub(crate) verdict: Verdict,
    slot: usize,
}

struct Active {
    timed: Timed,
    fired: bool,
    /// The work that it spoils, once it has chosen.
    spoils: Option<Subject>,
}

/// So many counters each process has.
const SLOTS: usize = Operation::ALL.len() + Calls::ALL.len();

const NEVER: u32 = u32::MAX;

fn slot(process: ProcessIndex, point: Point) -> usize {
    let within = match point {
        Point::Only(operation) => operation as usize,
        Point::Any(calls) => Operation::ALL.len() + calls as usize,
    };
    usize::from(process.0) * SLOTS + within
}

/// Returns the process and the operation of a slot; `None` for a kind of operations.
fn slot_operation(slot: usize) -> Option<(ProcessIndex, Operation)> {
    Some((ProcessIndex((slot / SLOTS) as u16), *Operation::ALL.get(slot % SLOTS)?))
}

impl Faults {
    /// Lays out the faults of a plan that is valid for `topology`.
    pub(crate) fn new<W>(plan: &Plan<W>, topology: &Topology) -> Self {
        let slots = topology.processes.len() * SLOTS;
        let mut pending: Vec<Pending> = Vec::with_capacity(plan.faults.len());
        let mut by_kind = false;
        let mut timed = Vec::new();
        let places = Places::new(topology);
        for (index, fault) in plan.faults.iter().enumerate() {
            let index = index as u32;
            match fault {
                Fault::Call(call) => {
                    by_kind |= matches!(call.point, Point::Any(_));
                    let slot = slot(places.process(&call.process), call.point);
                    pending.push(Pending { slot, nth: call.nth, index, verdict: call.verdict });
                }
                Fault::Timed(fault) => timed.push(places.resolve(fault, index)),
            }
        }
        let mut next = vec![NEVER; slots];
        for fault in &pending {
            next[fault.slot] = next[fault.slot].min(fault.nth);
        }
        Self {
            pending,
            counts: vec![0; slots],
            next,
            by_kind,
            active: Vec::new(),
            spoils_events: timed.iter().any(|timed| spoils::spoils(timed.kind, Operation::SetCheckpoint)),
            timed,
            healed: false,
            applied: Applied::default(),
            marks: None,
        }
    }

    /// From now on notes which calls can be struck.
    pub(crate) fn list_calls(&mut self) {
        self.marks = Some(Box::default());
    }

    /// The calls that one more fault could have struck, where they were noted.
    pub(crate) fn strikable(&self) -> Option<Vec<Strikable>> {
        self.marks.as_ref().map(|marks| marks.strikable(&self.counts, slot_operation))
    }

    /// Returns the number of the call that was counted last, where calls are noted; 0 elsewhere.
    pub(crate) fn noted(&self, process: ProcessIndex, operation: Operation) -> u32 {
        if self.marks.is_some() { self.counts[slot(process, operation.into())] } else { 0 }
    }

    /// A call that was noted begins to wait for something to come.
    pub(crate) fn wait(&mut self, process: ProcessIndex, operation: Operation, nth: u32) {
        if let Some(marks) = &mut self.marks {
            marks.wait(slot(process, operation.into()), nth);
        }
    }

    /// A call that was noted no longer waits: it `came`, or nobody waits for it any more.
    pub(crate) fn end_wait(&mut self, process: ProcessIndex, operation: Operation, nth: u32, came: bool) {
        if let Some(marks) = &mut self.marks {
            marks.end(slot(process, operation.into()), nth, came);
        }
    }

    /// All timed faults, for the world's agenda.
    pub(crate) fn timed(&self) -> Vec<Timed> {
        self.timed.clone()
    }

    /// Counts a call and says what strikes it.
    pub(crate) fn inject(&mut self, process: ProcessIndex, operation: Operation) -> Option<Injected> {
        let only = self.count(process, operation.into());
        let kind = if self.by_kind { Calls::from_operation(operation) } else { None };
        let kind = kind.and_then(|kind| self.count(process, kind.into()));
        if let Some(marks) = &mut self.marks {
            let slot = slot(process, operation.into());
            marks.count(slot, self.counts[slot], scope::is_open());
        }
        if self.healed {
            return None;
        }
        only.and_then(|slot| self.take(slot)).or_else(|| self.take(kind?))
    }

    /// Counts one call more, and returns the counter where it is one that a fault waits for.
    fn count(&mut self, process: ProcessIndex, point: Point) -> Option<usize> {
        let slot = slot(process, point);
        self.counts[slot] += 1;
        (self.counts[slot] >= self.next[slot]).then_some(slot)
    }

    /// Takes the next fault of a counter; of two at the same call the first in the plan, and the other is spent on the next.
    /// What drops a piece of work waits for a call within one.
    fn take(&mut self, slot: usize) -> Option<Injected> {
        let (nth, in_scope) = (self.counts[slot], scope::is_open());
        let is_due = |fault: &Pending| fault.nth <= nth && (in_scope || !fault.verdict.needs_scope());
        let of_slot = self.pending.iter().enumerate().filter(|(_, fault)| fault.slot == slot && is_due(fault));
        let at = of_slot.min_by_key(|(_, fault)| (fault.nth, fault.index)).map(|(at, _)| at)?;
        let Pending { index, verdict, .. } = self.pending.swap_remove(at);
        if let Some(marks) = &mut self.marks {
            marks.strike(&self.counts);
        }
        let rest = self.pending.iter().filter(|fault| fault.slot == slot);
        self.next[slot] = rest.map(|fault| fault.nth).min().unwrap_or(NEVER);
        Some(Injected { index, kind: verdict.kind(), verdict, slot })
    }

    /// Takes back what was to strike a call that never came to it: it strikes the next call of its kind.
    pub(crate) fn give_back(&mut self, Injected { index, verdict, slot, .. }: Injected) {
        let nth = self.counts[slot];
        self.next[slot] = self.next[slot].min(nth);
        self.pending.push(Pending { slot, nth, index, verdict });
    }

    /// Calls of each operation so far, over all processes, in the order of [`Operation::ALL`].
    pub(crate) fn calls(&self) -> [u64; Operation::ALL.len()] {
        let mut calls = [0; Operation::ALL.len()];
        for counts in self.counts.chunks(SLOTS) {
            for (sum, count) in calls.iter_mut().zip(counts) {
                *sum += u64::from(*count);
            }
        }
        calls
    }

    /// The port calls that were made most often: by whom, at which point, how often.
    pub(crate) fn busiest(&self, most: usize) -> Vec<(ProcessIndex, Operation, u32)> {
        let processes = self.counts.chunks(SLOTS).enumerate();
        let mut calls: Vec<(ProcessIndex, Operation, u32)> = processes
            .flat_map(|(process, counts)| {
                let calls = Operation::ALL.iter().zip(counts).filter(|(_, count)| **count > 0);
                calls.map(move |(operation, count)| (ProcessIndex(process as u16), *operation, *count))
            })
            .collect();
        calls.sort_by_key(|&(_, _, count)| std::cmp::Reverse(count));
        calls.truncate(most);
        calls
    }

    pub(crate) fn begin(&mut self, index: u32) {
        if let Some(timed) = self.timed.iter().find(|timed| timed.index == index)
            && !self.healed
        {
            self.active.push(Active { timed: *timed, fired: false, spoils: None });
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
        self.applied.clear();
        self.spoils_events = false;
    }

    /// Returns `true` if some fault may spoil the effect of an event yet.
    pub(crate) fn spoil_events(&self) -> bool {
        self.spoils_events
    }

    /// Returns `true` if no fault strikes any more.
    pub(crate) fn have_healed(&self) -> bool {
        self.healed
    }

    pub(crate) fn is_disturbed(&self) -> bool {
        !self.active.is_empty()
    }

    /// Returns what spoils a call on a component, if anything does. A fault that has chosen nothing yet chooses what the call is
    /// about.
    pub(crate) fn spoil(&mut self, hit: Hit, call: &Call<'_>) -> Option<Spoiled> {
        self.spoil_work(hit, call.operation(), |subject| subject.is_in(call), || Subject::from_call(call))
    }

    /// As [`Faults::spoil`], of a checkpoint that is about to move past events which have had their effect.
    pub(crate) fn spoil_effects(&mut self, hit: Hit, events: &[Subject]) -> Option<Spoiled> {
        self.spoil_work(hit, Operation::SetCheckpoint, |subject| events.contains(subject), || events.first().cloned())
    }

    fn spoil_work(
        &mut self,
        hit: Hit,
        operation: Operation,
        is_meant: impl Fn(&Subject) -> bool,
        choose: impl Fn() -> Option<Subject>,
    ) -> Option<Spoiled> {
        let spoils = |timed: &Timed| spoils::spoils(timed.kind, operation);
        for active in self.active.iter_mut().filter(|active| active.timed.hit == hit && spoils(&active.timed)) {
            let is_first = active.spoils.is_none();
            let spoiled = match &active.spoils {
                Some(spoiled) if is_meant(spoiled) => spoiled,
                Some(_) => continue,
                None => active.spoils.insert(choose()?),
            };
            active.fired = true;
            return Some(Spoiled { timed: active.timed, what: spoiled.work(), is_first });
        }
        None
    }

    /// Says that a fault that is on has struck.
    pub(crate) fn has_struck(&mut self, index: u32) {
        if let Some(active) = self.active.iter_mut().find(|active| active.timed.index == index) {
            active.fired = true;
        }
    }

    /// Returns the store that a fault that is on puts back when it ends.
    pub(crate) fn restores(&self, index: u32) -> Option<usize> {
        let active = self.active.iter().find(|active| active.timed.index == index)?;
        match active.timed.hit {
            Hit::Store(store) if active.timed.kind == FaultKind::Restore => Some(store),
            _ => None,
        }
    }

    /// Returns the process that a fault that is on has run another release.
    pub(crate) fn rolled_out(&self, index: u32) -> Option<ProcessIndex> {
        let active = self.active.iter().find(|active| active.timed.index == index)?;
        match active.timed.hit {
            Hit::Process(process) if active.timed.kind == FaultKind::Rollout => Some(process),
            _ => None,
        }
    }

    /// Visits the timed faults that are on and match: `visit` gets the fault and whether this is the first time that
    /// it strikes.
    pub(crate) fn disturb(&mut self, matches: impl Fn(&Timed) -> bool, mut visit: impl FnMut(&Timed, bool)) {
        for active in &mut self.active {
            if matches(&active.timed) {
                visit(&active.timed, !active.fired);
                active.fired = true;
            }
        }
    }
}
