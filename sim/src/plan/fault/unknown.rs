use std::str::FromStr;

use super::FaultKind;

/// A kind of fault of a name that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown fault {found:?}: use one of {}", names())]
pub struct UnknownFault {
    /// Name that was asked for.
    pub found: String,
}

fn names() -> String {
    FaultKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
}

impl FromStr for FaultKind {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.iter().copied().find(|kind| kind.name() == text);
        known.ok_or_else(|| UnknownFault { found: text.to_owned() })
    }
}
