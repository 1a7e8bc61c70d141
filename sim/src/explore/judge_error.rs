use crate::plan::PlanError;

/// Error of judging a trace file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JudgeError {
    /// It does not say which workload was run, and the invariants are asked for with it.
    #[error("the trace has no plan, so nobody knows what was asked: judge its events with a `Panel`")]
    NoPlan,
    /// Its plan is none of this scenario's.
    #[error(transparent)]
    Plan(#[from] PlanError),
}
