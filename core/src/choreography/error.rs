use smol_str::{SmolStr, ToSmolStr as _};

use super::Destination;
use crate::{
    inbox::HandlerError,
    message::{DecodeError, EncodeError, HeaderError},
};

/// Error of translating an event into commands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TranslateError {
    /// The handler looked at a destination that it had not declared.
    #[error("destination {0} was not declared: name it in prepare, so that its state is fetched")]
    Undeclared(Destination),
    /// The state of a destination is not what the handler takes it for.
    #[error("the state of {destination} can't be decoded: {reason}")]
    State {
        /// Destination whose state it is.
        destination: Destination,
        /// Message of the decoder, with a place and not its content.
        reason: SmolStr,
    },
    /// The domain takes no such command.
    #[error("domain {domain} takes no command {kind}: add it to the domain's list, or correct the name")]
    UnknownCommand {
        /// Name of the domain.
        domain: SmolStr,
        /// Type of the command.
        kind: SmolStr,
    },
    /// The event is of a type that the source domain does not have.
    #[error("{0} is no event of the source domain: a newer release may know it")]
    UnknownEvent(SmolStr),
    /// The event's payload can't be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The command's payload can't be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The command can't carry what the protocol needs.
    #[error(transparent)]
    Header(#[from] HeaderError),
}

impl From<TranslateError> for HandlerError {
    /// An event that can't be decoded is a dead letter at once; other failures are the router's own and are counted, so that
    /// a repaired version has a go.
    fn from(error: TranslateError) -> Self {
        match error {
            TranslateError::Decode(error) => error.into(),
            error => Self::Unavailable(error.to_smolstr()),
        }
    }
}
