//! Every fault that can strike a port call of a small workload, and every pair of them.

mod variants;

use std::{
    ops::Range,
    panic::resume_unwind,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use smol_str::SmolStr;

use super::{
    Campaign, Candidate, Exhausted, Progress, Runner, Search, SearchOptions, Shard, Source, SweepError, Until, search,
};
use crate::{
    draw::Draw,
    plan::{CallFault, FORMAT, Fault, FaultKind, Plan, Schedule, Verdict, Workload, stream},
    scenario::Scenario,
    topology::Topology,
    world::{RunOptions, Strikable},
};
use variants::variants;

/// What is exhausted, and how.
#[derive(Clone)]
pub struct ExhaustOptions {
    /// How many faults a plan has at most: 1 or 2.
    pub k: u8,
    /// Draws the workload, and how long calls take.
    pub seed: u64,
    /// How many items of that workload are kept, the first ones: plans grow with their square.
    pub items: usize,
    /// Number of the first plan to run, from 1: a search that was interrupted goes on there.
    pub from: u64,
    /// Which part of the plans.
    pub shard: Shard,
    /// Kinds of fault that are not tried.
    pub without_faults: Vec<FaultKind>,
    /// How the plans are run.
    pub search: SearchOptions,
}

impl ExhaustOptions {
    /// All plans of up to `k` faults for one item of seed 0, until the first failure.
    pub fn new(k: u8) -> Self {
        let search = SearchOptions { until: Until::end().failures(1), ..SearchOptions::default() };
        Self { k, seed: 0, items: 1, from: 1, shard: Shard::WHOLE, without_faults: Vec::new(), search }
    }
}

/// Tries every fault that can strike a port call of a small workload: each call of the run without faults with each
/// verdict that it can meet, and then, for `k = 2`, each of these with each fault that can strike a later call of that
/// very run. So recovery, compensation and takeover are struck, too, which only the first fault leads to.
///
/// The plans are the same at every run, in the same order, and numbered from 1: the one without faults, those with one,
/// those with two. Each is made from its number when it is its turn. What is kept is a list of calls for each single
/// fault, however many pairs they make.
///
/// # Errors
/// [`SweepError`] where there is nothing to run, or a plan can't be honoured.
pub fn exhaust<R: Runner>(
    runner: &R,
    options: &ExhaustOptions,
    progress: &dyn Fn(&Progress),
) -> Result<Campaign, SweepError> {
    let ExhaustOptions { k, seed, items, from, shard, .. } = *options;
    let plans = Exhaust::new(runner, options)?;
    let all = plans.len();
    let share = shard.share(all) - plans.skipped.min(shard.share(all));
    if share == 0 {
        return Err(SweepError::NoPlans { all, from, shard });
    }
    let kinds = FaultKind::ALL.into_iter().filter(|kind| !variants(*kind, false).is_empty());
    let kinds = kinds.filter(|kind| !options.without_faults.contains(kind));
    let mut blank = Campaign::new(runner.scenario().name(), Vec::new(), None, kinds);
    blank.without_faults.clone_from(&options.without_faults);
    let (single, double) = (plans.calm.len, all - 1 - plans.calm.len);
    blank.exhausted = Some(Exhausted { k, seed, items: items as u64, single, double, plans: share, next: None });
    let mut campaign = search(runner, &plans, blank, &options.search, Some(share), progress)?;
    if let Some(exhausted) = &mut campaign.exhausted
        && campaign.runs < share
    {
        exhausted.next = Some(shard.index(plans.skipped + campaign.runs) + 1);
    }
    Ok(campaign)
}

/// The plan that all others add faults to; `None` where the seed draws fewer items.
pub(crate) fn without_faults<S: Scenario>(
    scenario: &S,
    seed: u64,
    items: usize,
) -> Result<Plan<S::Workload>, SweepError> {
    let workload = scenario.workload(&mut Draw::stream(seed, stream::WORKLOAD));
    let drawn = workload.len();
    if items == 0 || drawn < items {
        return Err(SweepError::TooFewItems { seed, drawn, wanted: items });
    }
    let (format, schedule) = (SmolStr::new_static(FORMAT), Schedule::default());
    let workload = workload.without(items..drawn);
    Ok(Plan { format, scenario: scenario.name().into(), seed, schedule, workload, faults: Vec::new() })
}

/// All plans, each a function of its position.
struct Exhaust<W> {
    base: Plan<W>,
    kinds: Vec<CallKind>,
    /// The calls of the run without faults.
    calm: Calls,
    /// For each single fault the calls that a second one can strike, and at which position its pairs begin.
    struck: Vec<(u64, Calls)>,
    shard: Shard,
    /// How many plans of this part were run before.
    skipped: u64,
    next: AtomicU64,
}

/// One kind of call by one process, and what is tried at each.
struct CallKind {
    of: Strikable,
    process: SmolStr,
    verdicts: Vec<Verdict>,
}

/// Calls, as a range for each kind, and how many faults there are at them.
#[derive(Default)]
struct Calls {
    ranges: Vec<(usize, u32, u32)>,
    len: u64,
}

impl<W: Workload> Exhaust<W> {
    fn new<R>(runner: &R, options: &ExhaustOptions) -> Result<Self, SweepError>
    where
        R: Runner,
        R::Scenario: Scenario<Workload = W>,
    {
        if !(1..=2).contains(&options.k) || options.from == 0 || options.search.jobs == 0 {
            return Err(SweepError::NotExhaustible { k: options.k, from: options.from, jobs: options.search.jobs });
        }
        let scenario = runner.scenario();
        let base = without_faults(scenario, options.seed, options.items)?;
        let (kinds, calm, struck) = (Vec::new(), Calls::default(), Vec::new());
        let skipped = options.shard.share(options.from - 1);
        let mut all = Self { base, kinds, calm, struck, shard: options.shard, skipped, next: AtomicU64::new(0) };
        let topology = scenario.topology();
        let calm = all.record(runner, options, 0..1)?.pop().unwrap_or_default();
        all.calm = all.calls(&calm, &topology, options);
        if options.k == 2 {
            let mut begin = 1 + all.calm.len;
            for calls in all.record(runner, options, 1..begin)? {
                let calls = all.calls(&calls, &topology, options);
                let len = calls.len;
                all.struck.push((begin, calls));
                begin += len;
            }
        }
        Ok(all)
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

    /// The faults that there are at these calls.
    fn calls(&mut self, strikable: &[Strikable], topology: &Topology, options: &ExhaustOptions) -> Calls {
        let mut calls = Calls::default();
        for of in strikable {
            let is_it = |kind: &CallKind| (kind.of.process, kind.of.point) == (of.process, of.point);
            let at = self.kinds.iter().position(is_it).unwrap_or_else(|| {
                let process = topology.processes[usize::from(of.process.0)].name.clone();
                let kinds = FaultKind::ALL.into_iter().filter(|kind| !options.without_faults.contains(kind));
                let verdicts = kinds.flat_map(|kind| variants(kind, topology.has_next_release));
                let verdicts = verdicts.filter(|verdict| verdict.fits(of.point)).collect();
                self.kinds.push(CallKind { of: *of, process, verdicts });
                self.kinds.len() - 1
            });
            calls.ranges.push((at, of.first, of.last));
            calls.len += u64::from(of.last + 1 - of.first) * self.kinds[at].verdicts.len() as u64;
        }
        calls
    }

    fn len(&self) -> u64 {
        self.struck.last().map_or(1 + self.calm.len, |(begin, calls)| begin + calls.len)
    }

    /// The fault at this position among all at some calls.
    fn fault(&self, calls: &Calls, mut position: u64) -> Option<Fault> {
        for (kind, first, last) in &calls.ranges {
            let CallKind { of, process, verdicts } = &self.kinds[*kind];
            let (each, many) = (verdicts.len() as u64, u64::from(last + 1 - first));
            if position < each * many {
                let nth = first + (position / each) as u32;
                let (process, point, verdict) = (process.clone(), of.point, verdicts[(position % each) as usize]);
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
                let (begin, calls) = &self.struck[at];
                [single(at as u64), self.fault(calls, position - begin)]
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
