use serde::{Deserialize, Serialize};

/// Outcome of a port call, for the caller and in truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// Done, and the caller knows.
    Done,
    /// Not done, and the caller knows: another was first.
    Conflict,
    /// Not done, and the caller knows: not now.
    Unavailable,
    /// Not done, and the caller knows: never.
    Rejected,
    /// Done, but the caller sees `Unknown`, or died before it heard.
    DoneUnheard,
    /// Not done, but the caller sees `Unknown`, or died before it heard.
    NotDoneUnheard,
    /// Not done, but the caller believes that it is (a dropped acknowledgement).
    BelievedDone,
}

impl Outcome {
    /// Returns `true` if it took effect.
    pub fn took_effect(self) -> bool {
        matches!(self, Self::Done | Self::DoneUnheard)
    }
}
