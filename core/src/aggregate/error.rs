use smol_str::{SmolStr, ToSmolStr as _};

use crate::{inbox::HandlerError, message::EncodeError, ports::StoreError};

/// Error of loading or saving an aggregate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AggregateError {
    /// The store failed. [`StoreError::Conflict`]: somebody else saved it first; load it again.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stored document can't be decoded as this aggregate, or the aggregate can't be encoded.
    #[error("{aggregate} {id} has no readable stored form, migrate it: {reason}")]
    Codec {
        /// Name of the aggregate type.
        aggregate: &'static str,
        /// Id of the aggregate.
        id: SmolStr,
        /// Message of the codec.
        reason: String,
    },
    /// The payload of its message can't be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// It recorded an event whose name is not declared.
    #[error("event {0} is recorded but not declared: add it to DomainEvent::NAMES")]
    Undeclared(&'static str),
}

impl From<AggregateError> for HandlerError {
    /// Failures of the store are not the message's fault; others are counted, so that a repaired version has a go.
    fn from(error: AggregateError) -> Self {
        match error {
            AggregateError::Store(error) => Self::Store(error),
            error => Self::Unavailable(error.to_smolstr()),
        }
    }
}

/// Error of updating an aggregate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateError<E> {
    /// There is no aggregate of this id.
    #[error("there is no {aggregate} {id}")]
    Missing {
        /// Name of the aggregate type.
        aggregate: &'static str,
        /// Id of the aggregate.
        id: SmolStr,
    },
    /// The change itself refused; nothing was written.
    #[error("{0}")]
    Refused(E),
    /// The aggregate could not be loaded or saved. After [`StoreError::Unknown`] it may have been saved: load it to
    /// find out.
    #[error(transparent)]
    Aggregate(#[from] AggregateError),
}

impl<E> From<StoreError> for UpdateError<E> {
    fn from(error: StoreError) -> Self {
        Self::Aggregate(AggregateError::Store(error))
    }
}
