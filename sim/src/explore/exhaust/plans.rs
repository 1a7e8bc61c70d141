use std::{
    ops::Range,
    panic::resume_unwind,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

use super::{lasting::lasting, options::ExhaustOptions};
use crate::{
    explore::{Candidate, Runner, Search, Shard, Source, SweepError},
    plan::{CallFault, Fault, FaultKind, Plan, Targets, TimedFault, Verdict, Workload},
    scenario::Scenario,
    topology::Topology,
    trace::ProcessIndex,
    world::{CallPart, RunOptions, Strikable},
};

/// All plans, each a function of its position.
pub(super) struct Exhaust<W> {
    base: Plan<W>,
    /// The faults that last for a while.
    lasting: Vec<TimedFault>,
    kinds: Vec<CallKind>,
    /// Faults that can strike the run without faults.
    calm: Faults,
    /// Calls of that run which wait for what never comes. What could strike their end has no run of its own; where another
    /// fault lets it come, it is struck as the second one.
    in_vain: Vec<(ProcessIndex, Operation, u32)>,
    /// Faults that can strike the run of each single fault besides it, and the position at which these pairs begin.
    struck: Vec<(u64, Faults)>,
    shard: Shard,
    /// Number of plans of this part that were run before.
    skipped: u64,
    next: AtomicU64,
}

/// One kind of call by one process, within a scope or not, the part of it that can be struck, and what is tried at each.
struct CallKind {
    of: Strikable,
    process: SmolStr,
    verdicts: Vec<Verdict>,
}

/// Faults that can strike a run: some of the lasting ones, then those at its calls, as a range for each kind.
#[derive(Default)]
struct Faults {
    lasting: Range<usize>,
    calls: Vec<(usize, u32, u32)>,
    len: u64,
}

impl<W: Workload> Exhaust<W> {
    /// The plans that add faults to `base`. Runs those with one fault, where there are to be pairs.
    pub(super) fn new<R>(runner: &R, base: Plan<W>, options: &ExhaustOptions) -> Result<Self, SweepError>
    where
        R: Runner,
        R::Scenario: Scenario<Workload = W>,
    {
        let ExhaustOptions { k, from, shard, search, .. } = options;
        if !(1..=2).contains(k) || *from == 0 || search.jobs == 0 {
            return Err(SweepError::NotExhaustible { k: *k, from: *from, jobs: search.jobs });
        }
        let topology = runner.scenario().topology();
        let mut lasting = lasting(&topology);
        lasting.retain(|fault| !options.without_faults.contains(&fault.what.kind()));
        let (kinds, calm, in_vain, struck) = (Vec::new(), Faults::default(), Vec::new(), Vec::new());
        let (skipped, next) = (shard.share(from - 1), AtomicU64::new(0));
        let mut all = Self { base, lasting, kinds, calm, in_vain, struck, shard: *shard, skipped, next };
        let calls = all.record(runner, options, 0..1)?.pop().unwrap_or_default();
        let in_vain = calls.iter().filter(|of| of.part == CallPart::Wait);
        all.in_vain = in_vain.map(|of| (of.process, of.point, of.first)).collect();
        let every = 0..all.lasting.len();
        all.calm = all.faults(every.clone(), &calls, &topology, options);
        if *k == 2 {
            let mut begin = all.singles() + 1;
            for (at, calls) in all.record(runner, options, 1..begin)?.into_iter().enumerate() {
                // Of two lasting ones the first is always the earlier one in the list.
                let beside = if at < every.end { at + 1..every.end } else { 0..0 };
                let faults = all.faults(beside, &calls, &topology, options);
                let len = faults.len;
                all.struck.push((begin, faults));
                begin += len;
            }
        }
        Ok(all)
    }

    /// Returns the number of plans with one fault.
    pub(super) fn singles(&self) -> u64 {
        self.calm.len
    }

    /// Returns the number of plans.
    pub(super) fn len(&self) -> u64 {
        self.struck.last().map_or(1 + self.calm.len, |(begin, faults)| begin + faults.len)
    }

    /// Returns the number of plans of this part before the first that is to be run.
    pub(super) fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Runs some of the plans to see which of their calls can be struck once more.
    fn record<R>(
        &self,
        runner: &R,
        options: &ExhaustOptions,
        plans: Range<u64>,
    ) -> Result<Vec<Vec<Strikable>>, SweepError>
    where
        R: Runner,
        R::Scenario: Scenario<Workload = W>,
    {
        let run = RunOptions { list_calls: true, ..options.search.run.clone() };
        let next = AtomicU64::new(plans.start);
        let work = || -> Result<Vec<(u64, Vec<Strikable>)>, SweepError> {
            let mut found = Vec::new();
            while let Some(position) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|next| *next < plans.end) {
                if options.search.stop.is_set() {
                    break;
                }
                let plan = self.plan(position);
                let report = runner.run(&plan, &run);
                let report = report.map_err(|error| SweepError::Plan { from: self.source(position, &plan), error })?;
                found.push((position, report.strikable.unwrap_or_default()));
            }
            Ok(found)
        };
        let parts = thread::scope(|scope| {
            let workers: Vec<_> = (0..options.search.jobs).map(|_| scope.spawn(work)).collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)))
                .collect::<Vec<_>>()
        });
        let mut all = vec![Vec::new(); (plans.end - plans.start) as usize];
        for part in parts {
            for (position, calls) in part? {
                all[(position - plans.start) as usize] = calls;
            }
        }
        Ok(all)
    }

    /// Returns the faults that can strike a run that made these calls.
    fn faults(
        &mut self,
        lasting: Range<usize>,
        strikable: &[Strikable],
        topology: &Topology,
        options: &ExhaustOptions,
    ) -> Faults {
        let mut faults = Faults { len: lasting.len() as u64, lasting, calls: Vec::new() };
        // Where a wait ends in the run without faults as well, its end is struck there, and the other fault comes second.
        let is_tried_here =
            |of: &&Strikable| of.part != CallPart::End || self.in_vain.contains(&(of.process, of.point, of.first));
        for of in strikable.iter().filter(is_tried_here) {
            let what = |of: &Strikable| (of.process, of.point, of.in_scope, of.part);
            let is_it = |kind: &CallKind| what(&kind.of) == what(of);
            let at = self.kinds.iter().position(is_it).unwrap_or_else(|| {
                let process = topology.processes[usize::from(of.process.0)].name.clone();
                let targets = Targets::from_topology(topology);
                let kinds = FaultKind::ALL.iter().filter(|kind| !options.without_faults.contains(kind));
                let kinds = kinds.filter(|kind| kind.is_possible(&targets));
                let verdicts = kinds.flat_map(|kind| kind.at_calls(topology.has_next_release));
                let verdicts = verdicts.filter(|verdict| of.in_scope || !verdict.needs_scope());
                let verdicts = verdicts.filter(|verdict| match of.part {
                    CallPart::Whole => true,
                    CallPart::Wait => verdict.strikes_early(),
                    CallPart::End => !verdict.strikes_early(),
                });
                let verdicts = verdicts.filter(|verdict| verdict.fits(of.point)).collect();
                self.kinds.push(CallKind { of: *of, process, verdicts });
                self.kinds.len() - 1
            });
            faults.calls.push((at, of.first, of.last));
            faults.len += u64::from(of.last + 1 - of.first) * self.kinds[at].verdicts.len() as u64;
        }
        faults
    }

    /// Returns one of the faults that can strike a run, by its position.
    fn fault(&self, faults: &Faults, position: u64) -> Option<Fault> {
        let lasting = &self.lasting[faults.lasting.clone()];
        if let Some(fault) = usize::try_from(position).ok().and_then(|position| lasting.get(position)) {
            return Some(Fault::Timed(fault.clone()));
        }
        let mut position = position - lasting.len() as u64;
        for (kind, first, last) in &faults.calls {
            let CallKind { of, process, verdicts } = &self.kinds[*kind];
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

    /// The plan at this position, from 0.
    fn plan(&self, position: u64) -> Plan<W> {
        let single = |position| self.fault(&self.calm, position);
        let faults = match position.checked_sub(1) {
            None => [None, None],
            Some(first) if first < self.calm.len => [single(first), None],
            Some(_) => {
                // The last whose pairs begin at or before it: those that have none begin where the next one does.
                let at = self.struck.partition_point(|(begin, _)| *begin <= position) - 1;
                let (begin, faults) = &self.struck[at];
                [single(at as u64), self.fault(faults, position - begin)]
            }
        };
        Plan { faults: faults.into_iter().flatten().collect(), ..self.base.clone() }
    }

    fn source(&self, position: u64, plan: &Plan<W>) -> Source {
        let (seed, items, faults) = (plan.seed, plan.workload.len() as u64, plan.faults.clone());
        Source::Exhaust { number: position + 1, seed, items, faults }
    }
}

impl<W: Workload> Search<W> for Exhaust<W> {
    fn next(&self) -> Option<Candidate<W>> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let index = self.shard.index(self.skipped + turn);
        let plan = (index < self.len()).then(|| self.plan(index))?;
        let source = self.source(index, &plan);
        Some(Candidate { turn, index, source, plan })
    }
}
