mod corpus_tally;
mod exhausted;
mod failed_run;
mod judgements;
mod merge;
mod table;
mod tally;

use seaworthy_core::ports::Operation;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{
    Source,
    twice::{Difference, TwiceTally},
};
use crate::{
    plan::Workload,
    plan::{FaultKind, Plan, Point, Profile},
    trace::Fingerprint,
    world::RunReport,
};

pub use corpus_tally::{CorpusTally, IdlePlan};
pub use exhausted::Exhausted;
pub use failed_run::FailedRun;
pub(super) use judgements::Judgements;
pub use merge::MergeError;
pub use tally::{FaultTally, GoalTally, GroupTally, InvariantTally};

use tally::tally;

/// Findings of a sweep and the work that it took to make them. Its size does not depend on the number of runs.
///
/// All but [`Campaign::timing`] is a function of scenario, seeds and profiles, whatever the number of jobs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Campaign {
    /// Format of the report: always `seaworthy/campaign@2`.
    pub format: SmolStr,
    /// Name of the scenario.
    pub scenario: SmolStr,
    /// Profiles that took turns.
    pub profiles: Vec<Profile>,
    /// Base that the seeds were derived from; `None` for seeds that were named.
    #[serde(with = "crate::hexadecimal::optional")]
    pub base_seed: Option<u64>,
    /// Coverage, where every fault was tried and nothing was drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exhausted: Option<Exhausted>,
    /// Kinds of fault that the profiles allow for this scenario.
    pub enabled: Vec<FaultKind>,
    /// Kinds of fault that were taken out of every plan.
    #[serde(default)]
    pub without_faults: Vec<FaultKind>,
    /// Kinds of fault that the profiles would allow, too, if the topology declared that its services bear them, by
    /// [`fails_for_good`](crate::scenario::Topology::fails_for_good()), [`restores`](crate::scenario::Topology::restores()),
    /// [`next_release`](crate::scenario::Topology::next_release()) or
    /// [`confirms_unroutable`](crate::scenario::Topology::confirms_unroutable()).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undeclared: Vec<FaultKind>,
    /// Number of messages that a group may leave unacknowledged before the broker takes no more for it, where the topology
    /// [says so](crate::scenario::Topology::group_holds()).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_holds: Option<usize>,
    /// Number of runs that were made.
    pub runs: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Runs in which nothing was answered and nothing committed.
    pub idle: u64,
    /// Items of all workloads.
    pub items: u64,
    /// Requests that were answered.
    pub answered: u64,
    /// Events of all traces.
    pub events: u64,
    /// Virtual time of all runs, in microseconds.
    pub virtual_us: u64,
    /// Port calls by point.
    pub calls: BTreeMap<Operation, u64>,
    /// Faults by kind.
    pub faults: BTreeMap<FaultKind, FaultTally>,
    /// Faults at port calls, by point.
    pub points: BTreeMap<Operation, FaultTally>,
    /// Invariants by name, with what the world itself found: a panic, a livelock.
    pub invariants: BTreeMap<SmolStr, InvariantTally>,
    /// Conditions for an invariant to have anything to judge, by its name, for those that say so.
    #[serde(default)]
    pub subjects: BTreeMap<SmolStr, SmolStr>,
    /// Consumer groups by name, but for those that are declared to only look on.
    #[serde(default)]
    pub groups: BTreeMap<SmolStr, GroupTally>,
    /// Goals by name.
    pub goals: BTreeMap<SmolStr, GoalTally>,
    /// The first failures, in the order of their index; how many are kept is the sweep's choice.
    pub failures: Vec<FailedRun>,
    /// The plans of the corpus, which are replayed before anything is drawn and are in none of the numbers above.
    #[serde(default)]
    pub corpus: CorpusTally,
    /// Plans that were run twice to see whether they do the same.
    #[serde(default)]
    pub twice: TwiceTally,
    /// Digest of all runs' fingerprints in one number, whatever their order.
    #[serde(with = "crate::hexadecimal")]
    pub digest: u64,
    /// `true` if it ended before all seeds had been run.
    pub interrupted: bool,
    /// Duration of the campaign: the only part that differs from one machine to the next.
    pub timing: Timing,
}

/// Duration of a campaign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// Time on the wall, in microseconds; for merged shards, of the longest.
    pub wall_us: u64,
    /// CPU time of the whole process meanwhile, in microseconds; 0 where the system does not say.
    pub cpu_us: u64,
    /// CPU time of the process until the first failure, in microseconds.
    pub first_failure_cpu_us: Option<u64>,
    /// Time on the wall until the first failure, in microseconds.
    pub first_failure_wall_us: Option<u64>,
}

/// The format that this version writes.
const FORMAT: &str = "seaworthy/campaign@2";

impl Campaign {
    /// A campaign of no runs.
    pub fn new(
        scenario: &str,
        profiles: Vec<Profile>,
        base_seed: Option<u64>,
        enabled: impl IntoIterator<Item = FaultKind>,
    ) -> Self {
        let enabled: Vec<FaultKind> = enabled.into_iter().collect();
        Self {
            format: SmolStr::new_static(FORMAT),
            scenario: scenario.into(),
            profiles,
            base_seed,
            exhausted: None,
            // Listed from the start: a kind that never fired is what a reader has to see.
            faults: enabled.iter().map(|kind| (*kind, FaultTally::default())).collect(),
            enabled,
            without_faults: Vec::new(),
            undeclared: Vec::new(),
            group_holds: None,
            runs: 0,
            failed: 0,
            idle: 0,
            items: 0,
            answered: 0,
            events: 0,
            virtual_us: 0,
            calls: BTreeMap::new(),
            points: BTreeMap::new(),
            invariants: BTreeMap::new(),
            subjects: BTreeMap::new(),
            groups: BTreeMap::new(),
            goals: BTreeMap::new(),
            failures: Vec::new(),
            corpus: CorpusTally::default(),
            twice: TwiceTally::default(),
            digest: 0,
            interrupted: false,
            timing: Timing::default(),
        }
    }

    /// Runs a second of time on the wall.
    pub fn runs_per_second(&self) -> f64 {
        self.runs as f64 / (self.timing.wall_us.max(1) as f64 / 1e6)
    }

    /// Takes in one run, and keeps its failure if fewer than `keep` are kept.
    pub fn record<W: Workload>(
        &mut self,
        index: u64,
        source: impl FnOnce() -> Source,
        plan: &Plan<W>,
        report: &RunReport,
        keep: usize,
    ) {
        self.record_run(index, source, plan, report, keep);
        Judgements::from_report(report).add_to(self);
    }

    /// As [`Campaign::record`], without what the invariants judged.
    pub(super) fn record_run<W: Workload>(
        &mut self,
        index: u64,
        source: impl FnOnce() -> Source,
        plan: &Plan<W>,
        report: &RunReport,
        keep: usize,
    ) {
        self.runs += 1;
        self.items += plan.workload.len() as u64;
        self.answered += report.answered;
        self.events += report.events;
        self.virtual_us += u64::try_from(report.virtual_time.as_micros()).unwrap_or(u64::MAX);
        self.digest = self.digest.wrapping_add(digest(index, report.fingerprint));
        let mut commits = 0;
        for (point, calls) in Operation::ALL.iter().copied().zip(report.calls) {
            if calls > 0 {
                *self.calls.entry(point).or_default() += calls;
            }
            if point == Operation::Commit {
                commits = calls;
            }
        }
        self.idle += u64::from(report.answered == 0 && commits == 0);
        self.record_faults(plan, report);
        self.record_findings(report);
        self.failed += u64::from(!report.held());
        if self.failures.len() < keep {
            self.failures.extend(FailedRun::from_report(index, source, report));
        }
    }

    /// Two runs of one plan that differ, where there are such: then nothing else that was found means anything.
    pub fn difference(&self) -> Option<&Difference> {
        self.corpus.twice.difference.as_deref().or(self.twice.difference.as_deref())
    }

    /// The failure to look at first: one of the corpus, else the one with the lowest index.
    pub fn first_failure(&self) -> Option<&FailedRun> {
        self.corpus.failures.first().or(self.failures.first())
    }

    fn record_faults<W>(&mut self, plan: &Plan<W>, report: &RunReport) {
        for fault in &plan.faults {
            self.faults.entry(fault.kind()).or_default().planned += 1;
            // Who counts calls of a kind plans for all its operations.
            for operation in fault.point().into_iter().flat_map(Point::operations) {
                self.points.entry(operation).or_default().planned += 1;
            }
        }
        for fired in &report.fired {
            self.faults.entry(fired.kind).or_default().fired += 1;
            if let Some(point) = fired.point {
                self.points.entry(point).or_default().fired += 1;
            }
        }
    }

    fn record_findings(&mut self, report: &RunReport) {
        for goal in &report.reached {
            match self.goals.get_mut(*goal) {
                Some(tally) => tally.runs += 1,
                None => {
                    self.goals.insert(SmolStr::new_static(goal), GoalTally { runs: 1 });
                }
            }
        }
        for dealt in &report.dealt {
            let tally =
                GroupTally { acknowledged: dealt.acknowledged, with_effect: dealt.with_effect, without: dealt.without };
            match self.groups.get_mut(&dealt.group) {
                Some(known) => known.add(tally),
                None => _ = self.groups.insert(dealt.group.clone(), tally),
            }
        }
        for (at, violation) in report.violations.iter().enumerate() {
            // A run that violates an invariant many times counts once for it.
            if report.violations[..at].iter().all(|earlier| earlier.invariant != violation.invariant) {
                tally(&mut self.invariants, &violation.invariant, None).violated += 1;
            }
        }
    }
}

fn digest(index: u64, fingerprint: u64) -> u64 {
    let mut digest = Fingerprint::new();
    digest.add(&index);
    digest.add(&fingerprint);
    digest.value()
}
