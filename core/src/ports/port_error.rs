//! The one scale on which the errors of all ports are read.

use smol_str::SmolStr;

use super::{BrokerError, ExternalError, PublishError, StoreError};

/// Meaning of a port's error for the work that was asked for. The errors have variants of the same names.
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

    /// An error that means `kind`. Where the port never fails like that, nothing happened this time: it is unavailable.
    fn new(kind: FailureKind, text: impl Into<SmolStr>) -> Self;
}

/// An error whose variants are kinds; after `without`, the kinds that it does not have.
macro_rules! port_error {
    ($error:ident: $($kind:ident)+ $(, without $($absent:ident)+)?) => {
        impl PortError for $error {
            fn kind(&self) -> FailureKind {
                match self {
                    $(Self::$kind(_) => FailureKind::$kind,)+
                }
            }

            fn new(kind: FailureKind, text: impl Into<SmolStr>) -> Self {
                match kind {
                    $(FailureKind::$kind => Self::$kind(text.into()),)+
                    $($(FailureKind::$absent)|+ => Self::Unavailable(text.into()),)?
                }
            }
        }
    };
}

port_error!(StoreError: Conflict Unavailable Refused Unknown);
port_error!(ExternalError: Unavailable Refused Unknown, without Conflict);
port_error!(PublishError: Unavailable Refused Unknown, without Conflict);
// A broker refuses single messages, never a whole call.
port_error!(BrokerError: Unavailable Unknown, without Conflict Refused);
