//! Many plans: sweeps over seeds, shrinking, determinism, and plans that failed once.
//!
//! | module | what it is | when you need it |
//! |---|---|---|
//! | [`sweep`] | many seeds on all cores | to find failures, and to say what finding none is worth |
//! | [`exhaust()`] | every fault at every port call of a small workload, and every pair of them | to leave nothing to chance |
//! | [`search()`] | the same for plans from anywhere else | to write a [`Search`] of your own |
//! | [`Campaign`] | what a sweep found, as JSON | to report, to merge shards |
//! | [`CampaignVerdict`] | whether it held, and what that proves | to pass or fail a build |
//! | [`shrink`] | a failing plan made small | to understand a failure |
//! | [`Rehearsal`] | what the scenario does when nothing goes wrong, learnt before its plans are judged | to judge one plan as a sweep does |
//! | [`judge_file`] | a run judged again from its trace file, without running it | to look at runs of yesterday, or of another machine |
//! | [`determinism`] | one plan run three times, whole traces compared | to trust a replay |
//! | [`diagnose`] | the same, with the likely cause of a difference | where a failure does not come again |
//! | [`Breadcrumbs`] | which runs are under way, in files | where code under test may abort the program |
//! | [`Corpus`] | plans that failed once, kept as files | so that they never fail again |
//!
//! Plans are run by a [`Runner`], which any scenario is, and found by a [`Search`]: among seeds, in the
//! corpus, in one file, or one after the other until there are no more.

mod bound;
mod breadcrumbs;
mod campaign;
mod corpus;
mod cpu;
mod determinism;
mod exhaust;
mod judge_error;
mod judge_file;
mod rehearsal;
mod replay;
mod runner;
mod search;
mod shard;
mod shrink;
mod source;
mod sweep;
mod twice;
mod until;
mod verdict;

pub use bound::failure_rate_upper_bound;
pub use breadcrumbs::Breadcrumbs;
pub use campaign::{
    Campaign, CorpusTally, Exhausted, FailedRun, FaultTally, GoalTally, GroupTally, IdlePlan, InvariantTally,
    MergeError, Timing,
};
pub use corpus::{Corpus, CorpusError, read_plan, read_plan_file, write_plan, write_plan_file};
pub use determinism::{Nondeterminism, determinism, first_divergence};
pub(crate) use exhaust::without_faults;
pub use exhaust::{ExhaustOptions, exhaust};
pub use judge_error::JudgeError;
pub use judge_file::judge_file;
pub use rehearsal::Rehearsal;
pub use replay::replay;
pub use runner::{Runner, WorkloadOf, runner};
pub use search::{Candidate, Progress, Search, SearchOptions, SweepError, search};
pub use shard::{Shard, ShardError};
pub use shrink::{ShrinkError, ShrinkOptions, ShrinkProgress, Shrunk, is_same_failure, shrink};
pub use source::Source;
pub use sweep::{Seeds, SweepOptions, sweep};
pub use twice::{Difference, DifferenceCause, TwiceTally, diagnose};
pub use until::Until;
pub use verdict::{CampaignVerdict, Excuse, Gap, LeftOut, Warning};
