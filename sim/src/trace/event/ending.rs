use serde::{Deserialize, Serialize};

/// Ending of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ending {
    /// It came to rest after it had healed.
    Quiet,
    /// It used up its budget: what was still waiting may never have come.
    OutOfBudget,
    /// A panic ended it. Nobody is asked to judge a run that was not allowed to end.
    CutShort,
}
