//! The one scale on which the errors of all ports are read.

use super::{BrokerError, ExternalError, StoreError};

/// Meaning of a port's error for the work that was asked for, whatever the port calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// Not done: somebody else was first.
    Conflict,
    /// Not done this time.
    Unavailable,
    /// Not done, and not to be done if asked again.
    Refused,
    /// Done or not.
    Unknown,
}

/// The error of a port.
pub trait PortError: std::error::Error + Send + Sized {
    /// Returns the meaning of the error.
    fn kind(&self) -> FailureKind;

    /// An error that means `kind`, or the nearest that the port has.
    fn new(kind: FailureKind, text: &str) -> Self;
}

impl PortError for StoreError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Conflict(_) => FailureKind::Conflict,
            Self::Unavailable(_) => FailureKind::Unavailable,
            Self::Refused(_) => FailureKind::Refused,
            Self::Unknown(_) => FailureKind::Unknown,
        }
    }

    fn new(kind: FailureKind, text: &str) -> Self {
        match kind {
            FailureKind::Conflict => Self::Conflict(text.into()),
            FailureKind::Unavailable => Self::Unavailable(text.into()),
            FailureKind::Refused => Self::Refused(text.into()),
            FailureKind::Unknown => Self::Unknown(text.into()),
        }
    }
}

impl PortError for BrokerError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Unavailable(_) => FailureKind::Unavailable,
            Self::Unknown(_) => FailureKind::Unknown,
        }
    }

    /// A broker refuses single messages, never a call: what it would refuse is unavailable.
    fn new(kind: FailureKind, text: &str) -> Self {
        match kind {
            FailureKind::Conflict | FailureKind::Unavailable | FailureKind::Refused => {
                Self::Unavailable(text.to_owned())
            }
            FailureKind::Unknown => Self::Unknown(text.to_owned()),
        }
    }
}

impl PortError for ExternalError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Rejected(_) => FailureKind::Refused,
            Self::Transient(_) => FailureKind::Unavailable,
            Self::Unknown(_) => FailureKind::Unknown,
        }
    }

    fn new(kind: FailureKind, text: &str) -> Self {
        match kind {
            FailureKind::Refused => Self::Rejected(text.to_owned()),
            FailureKind::Conflict | FailureKind::Unavailable => Self::Transient(text.to_owned()),
            FailureKind::Unknown => Self::Unknown(text.to_owned()),
        }
    }
}
