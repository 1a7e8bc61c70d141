use std::{collections::BTreeMap, fmt, path::PathBuf};

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::{
    invariants::{Mode, Violation},
    plan::{Fault, FaultKind, Plan, Point, Profile},
    scenario::Workload,
    trace::Fingerprint,
    world::RunReport,
};

/// What a sweep found and what it did to find it. Its size does not depend on the number of runs.
///
/// All but [`Campaign::timing`] is a function of scenario, seeds and profiles, whatever the number of jobs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Campaign {
    /// Always `seaworthy/campaign@1`.
    pub format: SmolStr,
    /// Of which scenario.
    pub scenario: SmolStr,
    /// Profiles that took turns.
    pub profiles: Vec<Profile>,
    /// What the seeds were derived from; `None` for seeds that were named.
    pub base_seed: Option<u64>,
    /// Kinds of fault that the profiles allow for this scenario.
    pub enabled: Vec<FaultKind>,
    /// Runs made.
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
    pub calls: BTreeMap<Point, u64>,
    /// Faults by kind.
    pub faults: BTreeMap<FaultKind, FaultTally>,
    /// Faults at port calls, by point.
    pub points: BTreeMap<Point, FaultTally>,
    /// Invariants by name, with what the world itself found: a panic, a livelock.
    pub invariants: BTreeMap<SmolStr, InvariantTally>,
    /// Goals by name.
    pub goals: BTreeMap<SmolStr, GoalTally>,
    /// The first failures, in the order of their index; how many are kept is the sweep's choice.
    pub failures: Vec<Failure>,
    /// The plans of the corpus, which are replayed before anything is drawn and are in none of the numbers above.
    #[serde(default)]
    pub corpus: CorpusTally,
    /// All runs' fingerprints in one number, whatever their order.
    pub digest: u64,
    /// Whether it ended before all seeds had been run.
    pub interrupted: bool,
    /// How long it took: the only part that differs from one machine to the next.
    pub timing: Timing,
}

/// Faults of one kind or at one point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultTally {
    /// How many the plans held.
    pub planned: u64,
    /// How many of them struck.
    pub fired: u64,
}

/// What one invariant did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvariantTally {
    /// When it is judged; `None` for what the world itself finds.
    pub mode: Option<Mode>,
    /// Runs in which it had something to judge.
    pub runs: u64,
    /// How often it had.
    pub times: u64,
    /// Runs in which it did not hold.
    pub violated: u64,
}

/// How often a goal was reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoalTally {
    /// Runs in which it was.
    pub runs: u64,
}

/// What replaying the corpus showed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorpusTally {
    /// How many plans there are.
    pub plans: u64,
    /// Those that fail, in the order of their file names.
    pub failures: Vec<Failure>,
}

/// One run that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its position among all runs of the whole sweep, from 0.
    pub index: u64,
    /// Where its plan came from.
    pub source: Source,
    /// The first invariant that did not hold.
    pub violation: Violation,
    /// How many more violations the run had.
    pub others: u64,
    /// Of its trace.
    pub fingerprint: u64,
}

impl Failure {
    /// The failure that a run shows, if it failed.
    pub(super) fn of(index: u64, source: impl FnOnce() -> Source, report: &RunReport) -> Option<Self> {
        let violation = report.violations.first()?.clone();
        let others = report.violations.len() as u64 - 1;
        Some(Self { index, source: source(), violation, others, fingerprint: report.fingerprint })
    }
}

/// Where a plan came from: all that is needed to have it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Drawn: [`generate`](crate::plan::generate) gives it again.
    Seed {
        /// Under this seed.
        seed: u64,
        /// By this profile.
        profile: Profile,
    },
    /// Read from a file.
    File(PathBuf),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seed { seed, profile } => write!(f, "seed {seed:#018x}, profile {profile}"),
            Self::File(path) => write!(f, "plan {}", path.display()),
        }
    }
}

/// How long a campaign took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// On the wall, in microseconds; for merged shards, of the longest.
    pub wall_us: u64,
    /// CPU time of the whole process meanwhile, in microseconds; 0 where the system does not say.
    pub cpu_us: u64,
    /// CPU time of the process until the first failure, in microseconds.
    pub first_failure_cpu_us: Option<u64>,
    /// Time on the wall until the first failure, in microseconds.
    pub first_failure_wall_us: Option<u64>,
}

/// Campaigns that are not parts of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("campaigns differ in {what}: {one} and {other}; only shards of one sweep can be merged")]
pub struct MergeError {
    what: &'static str,
    one: String,
    other: String,
}

/// The format that this version writes.
const FORMAT: &str = "seaworthy/campaign@1";

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
            // Listed from the start: a kind that never fired is what a reader has to see.
            faults: enabled.iter().map(|kind| (*kind, FaultTally::default())).collect(),
            enabled,
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
            goals: BTreeMap::new(),
            failures: Vec::new(),
            corpus: CorpusTally::default(),
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
        self.runs += 1;
        self.items += plan.workload.len() as u64;
        self.answered += report.answered;
        self.events += report.events;
        self.virtual_us += u64::try_from(report.virtual_time.as_micros()).unwrap_or(u64::MAX);
        self.digest = self.digest.wrapping_add(digest(index, report.fingerprint));
        let mut commits = 0;
        for (point, calls) in Point::ALL.into_iter().zip(report.calls) {
            if calls > 0 {
                *self.calls.entry(point).or_default() += calls;
            }
            if point == Point::Commit {
                commits = calls;
            }
        }
        self.idle += u64::from(report.answered == 0 && commits == 0);
        self.record_faults(plan, report);
        self.record_judgements(report);
        self.failed += u64::from(!report.held());
        if self.failures.len() < keep {
            self.failures.extend(Failure::of(index, source, report));
        }
    }

    /// The failure to look at first: one of the corpus, else the one with the lowest index.
    pub fn first_failure(&self) -> Option<&Failure> {
        self.corpus.failures.first().or(self.failures.first())
    }

    fn record_faults<W>(&mut self, plan: &Plan<W>, report: &RunReport) {
        for fault in &plan.faults {
            self.faults.entry(fault.kind()).or_default().planned += 1;
            if let Fault::Call(call) = fault {
                self.points.entry(call.point).or_default().planned += 1;
            }
        }
        for fired in &report.fired {
            self.faults.entry(fired.kind).or_default().fired += 1;
            if let Some(point) = fired.point {
                self.points.entry(point).or_default().fired += 1;
            }
        }
    }

    fn record_judgements(&mut self, report: &RunReport) {
        for judged in &report.judged {
            if judged.mode == Mode::Sometimes {
                if !self.goals.contains_key(judged.invariant) {
                    self.goals.insert(SmolStr::new_static(judged.invariant), GoalTally::default());
                }
                continue;
            }
            let tally = tally(&mut self.invariants, judged.invariant, Some(judged.mode));
            tally.runs += u64::from(judged.times > 0);
            tally.times += judged.times;
        }
        for goal in &report.reached {
            match self.goals.get_mut(*goal) {
                Some(tally) => tally.runs += 1,
                None => {
                    self.goals.insert(SmolStr::new_static(goal), GoalTally { runs: 1 });
                }
            }
        }
        for (at, violation) in report.violations.iter().enumerate() {
            // A run that violates an invariant many times counts once for it.
            if report.violations[..at].iter().all(|earlier| earlier.invariant != violation.invariant) {
                tally(&mut self.invariants, &violation.invariant, None).violated += 1;
            }
        }
    }

    /// Adds another part of the same sweep.
    ///
    /// # Errors
    /// [`MergeError`] where scenario, profiles or base seed differ; nothing is changed then.
    pub fn merge(&mut self, other: Self, keep: usize) -> Result<(), MergeError> {
        let differ = |what, one: String, other: String| {
            if one == other { Ok(()) } else { Err(MergeError { what, one, other }) }
        };
        differ("format", self.format.to_string(), other.format.to_string())?;
        differ("scenario", self.scenario.to_string(), other.scenario.to_string())?;
        differ("profiles", format!("{:?}", self.profiles), format!("{:?}", other.profiles))?;
        differ("base seed", format!("{:?}", self.base_seed), format!("{:?}", other.base_seed))?;
        self.absorb(other, keep);
        self.timing.first_failure_cpu_us = None;
        Ok(())
    }

    /// Adds what another worker of the same sweep did.
    pub(super) fn absorb(&mut self, other: Self, keep: usize) {
        for kind in other.enabled {
            if let Err(at) = self.enabled.binary_search(&kind) {
                self.enabled.insert(at, kind);
            }
        }
        self.runs += other.runs;
        self.failed += other.failed;
        self.idle += other.idle;
        self.items += other.items;
        self.answered += other.answered;
        self.events += other.events;
        self.virtual_us += other.virtual_us;
        self.digest = self.digest.wrapping_add(other.digest);
        self.interrupted |= other.interrupted;
        for (point, calls) in other.calls {
            *self.calls.entry(point).or_default() += calls;
        }
        add_faults(&mut self.faults, other.faults);
        add_faults(&mut self.points, other.points);
        for (name, more) in other.invariants {
            let tally = tally(&mut self.invariants, &name, more.mode);
            tally.runs += more.runs;
            tally.times += more.times;
            tally.violated += more.violated;
        }
        for (name, more) in other.goals {
            self.goals.entry(name).or_default().runs += more.runs;
        }
        // Every shard replays the same corpus.
        if self.corpus.plans == 0 {
            self.corpus = other.corpus;
        }
        self.failures.extend(other.failures);
        self.failures.sort_by_key(|failure| failure.index);
        self.failures.truncate(keep);
        self.timing.wall_us = self.timing.wall_us.max(other.timing.wall_us);
        self.timing.cpu_us += other.timing.cpu_us;
        self.timing.first_failure_cpu_us =
            earliest(self.timing.first_failure_cpu_us, other.timing.first_failure_cpu_us);
        self.timing.first_failure_wall_us =
            earliest(self.timing.first_failure_wall_us, other.timing.first_failure_wall_us);
    }
}

fn earliest(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).min()
}

fn add_faults<K: Ord>(to: &mut BTreeMap<K, FaultTally>, from: BTreeMap<K, FaultTally>) {
    for (key, more) in from {
        let tally = to.entry(key).or_default();
        tally.planned += more.planned;
        tally.fired += more.fired;
    }
}

fn tally<'a>(
    tallies: &'a mut BTreeMap<SmolStr, InvariantTally>,
    name: &str,
    mode: Option<Mode>,
) -> &'a mut InvariantTally {
    if !tallies.contains_key(name) {
        tallies.insert(name.into(), InvariantTally { mode, runs: 0, times: 0, violated: 0 });
    }
    let tally = tallies.get_mut(name).expect("inserted where it was missing");
    tally.mode = tally.mode.or(mode);
    tally
}

fn digest(index: u64, fingerprint: u64) -> u64 {
    let mut digest = Fingerprint::new();
    digest.add(&index);
    digest.add(&fingerprint);
    digest.value()
}
