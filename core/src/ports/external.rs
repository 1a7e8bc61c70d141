use async_trait::async_trait;
use bytes::Bytes;
use smol_str::SmolStr;

use super::Refusal;
use crate::ids::OperationId;

/// One call to a participant that is not ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalCall {
    /// Name of the participant, for example `payments`.
    pub service: SmolStr,
    /// Operation that it is asked to carry out, for example `charge`.
    pub operation: SmolStr,
    /// The idempotency key: the same for every attempt of one operation.
    pub operation_id: OperationId,
    /// The arguments, as the participant expects them.
    pub body: Bytes,
}

/// Error of a call to a participant that has no answer.
///
/// Closed on purpose: whether anything has happened decides what is done next, so that none may pass for another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExternalError {
    /// Definitive: the participant refused, and nothing happened.
    #[error("refused by the participant: {0}")]
    Refused(SmolStr),
    /// Definitive: nothing happened this time. Try again with the same operation id.
    #[error("participant unavailable: {0}")]
    Unavailable(SmolStr),
    /// The call may or may not have taken effect. Try again with the same operation id until the answer is definitive.
    #[error("outcome unknown: {0}")]
    Unknown(SmolStr),
}

impl From<Refusal> for ExternalError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.into())
    }
}

/// Participants that are not ours: payment, carrier, e-mail.
#[async_trait]
pub trait External: Send + Sync {
    /// Asks a participant to do something, once.
    ///
    /// Dropping the future leaves the outcome unknown.
    async fn call(&self, call: &ExternalCall) -> Result<Bytes, ExternalError>;
}
