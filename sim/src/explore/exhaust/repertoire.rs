//! All that can strike a run: at each of its calls each verdict that it can meet, and what lasts for a while.

use std::ops::Range;

use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

use super::{lasting::lasting, options::ExhaustOptions};
use crate::{
    plan::{CallFault, Fault, FaultKind, Targets, TimedFault, Verdict},
    topology::Topology,
    trace::ProcessIndex,
    world::{CallPart, Strikable},
};

/// Every fault that is tried, by the calls that were found so far.
pub(super) struct Repertoire {
    topology: Topology,
    without: Vec<FaultKind>,
    /// Also those pairs that others stand for.
    all_pairs: bool,
    /// The faults that last for a while.
    lasting: Vec<TimedFault>,
    kinds: Vec<CallKind>,
    /// Calls of the run without faults which wait for what never comes. What could strike their end has no run of its own;
    /// where another fault lets it come, it is struck as the second one.
    in_vain: Vec<(ProcessIndex, Operation, u32)>,
}

/// One kind of call by one process, within a scope or not, the part of it that can be struck, and what is tried at each.
struct CallKind {
    of: Strikable,
    process: SmolStr,
    verdicts: Vec<Verdict>,
    /// Those of them that are tried beside another fault.
    in_pairs: Vec<Verdict>,
}

/// Faults that can strike a run: some of the lasting ones, then those at its calls, as a range for each kind.
#[derive(Default)]
pub(super) struct Faults {
    /// They strike beside another one.
    in_pairs: bool,
    lasting: Range<usize>,
    calls: Vec<(usize, u32, u32)>,
    len: u64,
}

impl Faults {
    /// Returns their number.
    pub(super) fn len(&self) -> u64 {
        self.len
    }
}

impl CallKind {
    fn tried(&self, in_pairs: bool) -> &[Verdict] {
        if in_pairs { &self.in_pairs } else { &self.verdicts }
    }
}

impl Repertoire {
    /// Nothing but what lasts: calls are found by running.
    pub(super) fn new(topology: Topology, options: &ExhaustOptions) -> Self {
        let (mut lasting, without) = (lasting(&topology), options.without_faults.clone());
        lasting.retain(|fault| !without.contains(&fault.what.kind()));
        Self { topology, without, all_pairs: options.all_pairs, lasting, kinds: Vec::new(), in_vain: Vec::new() }
    }

    /// Returns the faults that can strike the run without faults, which made these calls.
    pub(super) fn alone(&mut self, strikable: &[Strikable]) -> Faults {
        let in_vain = strikable.iter().filter(|of| of.part == CallPart::Wait);
        self.in_vain = in_vain.map(|of| (of.process, of.point, of.first)).collect();
        self.faults(false, 0..self.lasting.len(), strikable)
    }

    /// Returns the faults that can strike the run of one of those, which made these calls, besides it; and the number of those
    /// that are left out.
    pub(super) fn beside(&mut self, alone: &Faults, first: u64, strikable: &[Strikable]) -> (Faults, u64) {
        let Some(fault) = self.fault(alone, first) else { return (Faults::default(), 0) };
        // Of two lasting ones the first is always the earlier one in the list.
        let lasting = if matches!(fault, Fault::Timed(_)) { first as usize + 1..self.lasting.len() } else { 0..0 };
        let all = self.faults(false, lasting.clone(), strikable).len;
        let tried = if self.is_in_pairs(&fault) { self.faults(true, lasting, strikable) } else { Faults::default() };
        let left_out = all - tried.len;
        (tried, left_out)
    }

    /// Returns `false` for what is tried by itself only, since beside others another one leaves the same behind.
    fn is_in_pairs(&self, fault: &Fault) -> bool {
        let Fault::Call(CallFault { point, verdict, .. }) = fault else { return true };
        self.all_pairs || !point.operations().any(|operation| verdict.is_spared(operation))
    }

    /// Returns the faults that can strike a run that made these calls.
    fn faults(&mut self, in_pairs: bool, lasting: Range<usize>, strikable: &[Strikable]) -> Faults {
        let mut faults = Faults { in_pairs, len: lasting.len() as u64, lasting, calls: Vec::new() };
        for of in strikable {
            // Where a wait ends in the run without faults as well, its end is struck there, and the other fault comes second.
            if of.part == CallPart::End && !self.in_vain.contains(&(of.process, of.point, of.first)) {
                continue;
            }
            let what = |of: &Strikable| (of.process, of.point, of.in_scope, of.part);
            let is_it = |kind: &CallKind| what(&kind.of) == what(of);
            let known = self.kinds.iter().position(is_it);
            let at = known.unwrap_or(self.kinds.len());
            if known.is_none() {
                self.kinds.push(self.kind(of));
            }
            faults.calls.push((at, of.first, of.last));
            faults.len += u64::from(of.last + 1 - of.first) * self.kinds[at].tried(in_pairs).len() as u64;
        }
        faults
    }

    /// Returns a kind of call with all that is tried at it.
    fn kind(&self, of: &Strikable) -> CallKind {
        let process = self.topology.processes[usize::from(of.process.0)].name.clone();
        let targets = Targets::from_topology(&self.topology);
        let kinds = FaultKind::ALL.iter().filter(|kind| !self.without.contains(kind) && kind.is_possible(&targets));
        let verdicts = kinds.flat_map(|kind| kind.at_calls(self.topology.has_next_release));
        let verdicts = verdicts.filter(|verdict| of.in_scope || !verdict.needs_scope());
        let verdicts = verdicts.filter(|verdict| match of.part {
            CallPart::Whole => true,
            CallPart::Wait => verdict.strikes_early(),
            CallPart::End => !verdict.strikes_early(),
        });
        let verdicts: Vec<_> = verdicts.filter(|verdict| verdict.fits(of.point)).collect();
        let is_tried = |verdict: &Verdict| self.all_pairs || !verdict.is_spared(of.point);
        let in_pairs = verdicts.iter().copied().filter(is_tried).collect();
        CallKind { of: *of, process, verdicts, in_pairs }
    }

    /// Returns one of the faults that can strike a run, by its position.
    pub(super) fn fault(&self, faults: &Faults, position: u64) -> Option<Fault> {
        let lasting = &self.lasting[faults.lasting.clone()];
        if let Some(fault) = usize::try_from(position).ok().and_then(|position| lasting.get(position)) {
            return Some(Fault::Timed(fault.clone()));
        }
        let mut position = position - lasting.len() as u64;
        for (kind, first, last) in &faults.calls {
            let CallKind { of, process, .. } = &self.kinds[*kind];
            let verdicts = self.kinds[*kind].tried(faults.in_pairs);
            let (each, many) = (verdicts.len() as u64, u64::from(last + 1 - first));
            if position < each * many {
                let nth = first + (position / each) as u32;
                let (process, point, verdict) =
                    (process.clone(), of.point.into(), verdicts[(position % each) as usize]);
                return Some(Fault::Call(CallFault { process, point, nth, verdict }));
            }
            position -= each * many;
        }
        None
    }
}
