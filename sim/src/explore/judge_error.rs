use crate::plan::PlanError;

/// Error of judging a trace file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JudgeError {
    /// The file does not say which workload was run, and the invariants are asked for with it.
    #[error("the trace has no plan, so nobody knows what was asked: judge its events with a `Panel`")]
    NoPlan,
    /// The plan of the file is none of this scenario's.
    #[error(transparent)]
    Plan(#[from] PlanError),
}
