//! Many plans: sweeps over seeds, shrinking, determinism, and plans that failed once.
//!
//! | module | what it is | when you need it |
//! |---|---|---|
//! | [`sweep`] | many seeds on all cores | to find failures, and to say what finding none is worth |
//! | [`Campaign`] | what a sweep found, as JSON | to report, to merge shards |
//! | [`Verdict`] | whether it held, and what that proves | to pass or fail a build |
//! | [`shrink`] | a failing plan made small | to understand a failure |
//! | [`Rehearsal`] | what the scenario does when nothing goes wrong, learnt before its plans are judged | to judge one plan as a sweep does |
//! | [`determinism`] | one plan run three times, whole traces compared | to trust a replay |
//! | [`diagnose`] | the same, with the likely cause of a difference | where a failure does not come again |
//! | [`Breadcrumbs`] | which runs are under way, in files | where code under test may abort the program |
//! | [`Corpus`] | plans that failed once, kept as files | so that they never fail again |
//!
//! Each that runs plans has a twin that takes the function that runs a plan (`sweep_by`, `shrink_by` ...): to run plans in another world,
//! and to test this module without one.

mod bound;
mod breadcrumbs;
mod campaign;
mod corpus;
mod cpu;
mod determinism;
mod rehearsal;
mod seeds;
mod shrink;
mod source;
mod sweep;
mod twice;
mod verdict;

pub use bound::failure_rate_upper_bound;
pub use breadcrumbs::Breadcrumbs;
pub use campaign::{
    Campaign, CorpusTally, Failure, FaultTally, GoalTally, GroupTally, IdlePlan, InvariantTally, MergeError, Timing,
};
pub use corpus::{Corpus, CorpusError, read_plan, read_plan_file, write_plan, write_plan_file};
pub use determinism::{Divergence, determinism, determinism_by, first_divergence};
pub use rehearsal::Rehearsal;
pub use seeds::{Seeds, Shard, ShardError};
pub use shrink::{ShrinkError, ShrinkOptions, ShrinkProgress, Shrunk, is_same_failure, shrink, shrink_by};
pub use source::Source;
pub use sweep::{Progress, SweepError, SweepOptions, sweep, sweep_by};
pub use twice::{Cause, Difference, TwiceTally, diagnose, diagnose_by};
pub use verdict::{Excuse, Gap, LeftOut, Verdict, Warning};
