use std::{
    ops::Range,
    panic::resume_unwind,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use super::{
    options::ExhaustOptions,
    repertoire::{Faults, Repertoire},
};
use crate::{
    explore::{Candidate, Runner, Search, Shard, Source, SweepError},
    plan::{Plan, Workload},
    scenario::Scenario,
    world::{RunOptions, Strikable},
};

/// All plans, each a function of its position.
pub(super) struct Exhaust<W> {
    base: Plan<W>,
    repertoire: Repertoire,
    /// Faults that can strike the run without faults.
    calm: Faults,
    /// Faults that can strike the run of each single fault besides it, and the position at which these pairs begin.
    struck: Vec<(u64, Faults)>,
    /// Number of pairs that others stand for.
    left_out: u64,
    all_pairs: bool,
    shard: Shard,
    /// Number of plans of this part that were run before.
    skipped: u64,
    next: AtomicU64,
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
        let (skipped, next) = (shard.share(from - 1), AtomicU64::new(0));
        let repertoire = Repertoire::new(topology, options);
        let (calm, struck, all_pairs) = (Faults::default(), Vec::new(), options.all_pairs);
        let mut all = Self { base, repertoire, calm, struck, left_out: 0, all_pairs, shard: *shard, skipped, next };
        let calls = all.record(runner, options, 0..1)?.pop().unwrap_or_default();
        all.calm = all.repertoire.alone(&calls);
        if *k == 2 {
            let mut begin = all.singles() + 1;
            for (first, calls) in (0..).zip(all.record(runner, options, 1..begin)?) {
                let (faults, left_out) = all.repertoire.beside(&all.calm, first, &calls);
                let len = faults.len();
                all.left_out += left_out;
                all.struck.push((begin, faults));
                begin += len;
            }
        }
        Ok(all)
    }

    /// Returns the number of plans with one fault.
    pub(super) fn singles(&self) -> u64 {
        self.calm.len()
    }

    /// Returns the number of pairs that are in no plan, since others stand for them.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Returns the number of plans.
    pub(super) fn len(&self) -> u64 {
        self.struck.last().map_or(1 + self.calm.len(), |(begin, faults)| begin + faults.len())
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

    /// The plan at this position, from 0.
    fn plan(&self, position: u64) -> Plan<W> {
        let single = |position| self.repertoire.fault(&self.calm, position);
        let faults = match position.checked_sub(1) {
            None => [None, None],
            Some(first) if first < self.calm.len() => [single(first), None],
            Some(_) => {
                // The last whose pairs begin at or before it: those that have none begin where the next one does.
                let at = self.struck.partition_point(|(begin, _)| *begin <= position) - 1;
                let (begin, faults) = &self.struck[at];
                [single(at as u64), self.repertoire.fault(faults, position - begin)]
            }
        };
        Plan { faults: faults.into_iter().flatten().collect(), ..self.base.clone() }
    }

    fn source(&self, position: u64, plan: &Plan<W>) -> Source {
        let (seed, items, faults) = (plan.seed, plan.workload.len() as u64, plan.faults.clone().into());
        Source::Exhaust { number: position + 1, seed, items, faults, all_pairs: self.all_pairs }
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
