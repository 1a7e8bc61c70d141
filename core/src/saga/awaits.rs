use std::time::Duration;

use smol_str::SmolStr;

use super::Value;
use crate::ports::Timestamp;

/// Event that a step waits for before its transaction: part of its definition's structure.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Awaits {
    /// A signal of this name, or a message of this type.
    Signal {
        /// Name of the signal.
        name: SmolStr,
        /// Consequence of waiting for longer than [`Action::until`](super::Action::until) says.
        at_limit: AtLimit,
    },
    /// The moment that [`Action::until`](super::Action::until) says.
    Time,
}

/// Consequence of a wait that has lasted for too long.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AtLimit {
    /// There is no limit: the saga waits for as long as it takes.
    None,
    /// The step is rejected, and the saga turns back; not after the pivot.
    Reject,
    /// This is taken for what the step has received.
    Output(Value),
}

/// End of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Until {
    /// There is none.
    Ever,
    /// So long after the saga has come to the step, by the store's clock.
    After(Duration),
    /// A moment of the store's clock.
    Moment(Timestamp),
}

impl Awaits {
    /// Returns the name of the signal that is awaited, if it is one.
    pub fn signal(&self) -> Option<&SmolStr> {
        match self {
            Self::Signal { name, .. } => Some(name),
            Self::Time => None,
        }
    }
}
