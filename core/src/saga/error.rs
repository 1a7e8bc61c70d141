use smol_str::SmolStr;

use crate::{
    ids::SagaId,
    ports::{Cancelled, ExternalError, SagaStatus, StoreError},
};

/// Error of one attempt of a step. The variant decides what the saga does next, never the text.
///
/// Closed on purpose: what the saga does next differs for each, so that none may pass for another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// Definitive: refused, and nothing happened. Before the pivot this starts compensation.
    #[error("refused: {0}")]
    Refused(SmolStr),
    /// Definitive: nothing happened this time. Tried again under the step's policy, and spends its budget.
    #[error("failed this time: {0}")]
    Unavailable(SmolStr),
    /// It may or may not have happened. Tried again with the same operation id until the answer is definitive; it
    /// spends no budget, since giving up would leave the doubt.
    #[error("outcome unknown: {0}")]
    Unknown(SmolStr),
    /// The saga's own store failed. A conflict or an outage is tried again at once, on a fresh snapshot; one that comes nine
    /// times in a row counts as [`StepError::Unavailable`], and so does what the store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ExternalError> for StepError {
    fn from(error: ExternalError) -> Self {
        match error {
            ExternalError::Refused(reason) => Self::Refused(reason),
            ExternalError::Unavailable(error) => Self::Unavailable(error),
            ExternalError::Unknown(error) => Self::Unknown(error),
        }
    }
}

/// Error of starting, moving or finding a saga.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SagaError {
    /// The store failed. After [`StoreError::Unknown`] ask again: starting and all operator verbs may be repeated.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No definition of this name is registered.
    #[error("no definition `{0}` is registered: register it with the orchestrator's registry")]
    NotRegistered(SmolStr),
    /// The definition takes another input type.
    #[error("definition `{definition}` takes a `{expected}` as input, not a `{given}`")]
    WrongInput {
        /// Name of the definition.
        definition: SmolStr,
        /// Input type of the definition.
        expected: &'static str,
        /// Type that was given.
        given: &'static str,
    },
    /// The input has no JSON form.
    #[error("the saga's input can't be encoded: {0}")]
    Input(String),
    /// The business key is taken by a saga with another input.
    #[error(
        "`{key}` of definition `{definition}` is taken: saga {saga} was started with {stored}, not with {given}; use another \
         key, or the same input"
    )]
    OtherInput {
        /// Name of the definition.
        definition: SmolStr,
        /// The business key.
        key: SmolStr,
        /// The saga that has it.
        saga: SagaId,
        /// Input of that saga, as JSON, cut to 1 KiB.
        stored: String,
        /// Input that was given, as JSON, cut to 1 KiB.
        given: String,
    },
    /// The saga came to rest in another way than by completing, so it has no result.
    #[error("saga {saga} has no result: it is {}: {reason}", status.name())]
    NotCompleted {
        /// Id of the saga.
        saga: SagaId,
        /// Status with which it came to rest.
        status: SagaStatus,
        /// Reason of that.
        reason: String,
    },
    /// The saga has completed, and its result can't be had.
    #[error("saga {saga} has completed, but its result can't be had: {reason}")]
    Result {
        /// Id of the saga.
        saga: SagaId,
        /// Description of what went wrong.
        reason: String,
    },
    /// This process stops while somebody waits for a saga here; the saga goes on elsewhere, or after the next boot.
    #[error(
        "saga {0} has not come to rest, and this process stops: wait for it in another process, or after a restart"
    )]
    Stopping(SagaId),
    /// The saga has ended: the signal comes too late, and was not written.
    #[error("saga {saga} has ended as {}: the signal comes too late", status.name())]
    Ended {
        /// Id of the saga.
        saga: SagaId,
        /// Status with which it ended.
        status: SagaStatus,
    },
    /// There is no saga that shares the message's correlation id.
    #[error(
        "no saga of definition `{definition}` has correlation id {correlation_id}: give the message as a signal to the saga that \
         it is for, or wait until that was started"
    )]
    Uncorrelated {
        /// Name of the definition.
        definition: SmolStr,
        /// Correlation id of the message.
        correlation_id: uuid::Uuid,
    },
    /// There is no saga that messages of this type find by this key, or it does not know its key yet.
    #[error(
        "no saga of definition `{definition}` is found by key `{key}` for `{name}`: let the message come again if the saga may not \
         know its key yet"
    )]
    Unkeyed {
        /// Name of the definition.
        definition: SmolStr,
        /// Type of the message.
        name: SmolStr,
        /// Key of the message.
        key: SmolStr,
    },
    /// No step of the definition waits for a signal of this name.
    #[error(
        "no step of definition `{definition}` waits for `{name}`: check the name, or register the version that does"
    )]
    NotAwaited {
        /// Name of the definition.
        definition: SmolStr,
        /// Name of the signal.
        name: SmolStr,
    },
    /// There is no such saga.
    #[error("there is no saga {0}: check its id")]
    NotFound(SagaId),
    /// The stored saga can't be read with the definitions that are registered.
    #[error("saga {saga} can't be read: {reason}")]
    Incompatible {
        /// Id of the saga.
        saga: SagaId,
        /// Description of what does not fit.
        reason: String,
    },
    /// The saga has ended, and its log was deleted since.
    #[error("saga {saga} has ended as {}, and its log was purged: that is all that is known of it", status.name())]
    Purged {
        /// Id of the saga.
        saga: SagaId,
        /// Status with which it ended.
        status: SagaStatus,
    },
    /// The pivot has committed or may have: the saga can only go forward.
    #[error("saga {0} is past its pivot and can only go forward: it can no longer be cancelled")]
    AfterPivot(SagaId),
    /// The saga's state does not allow it.
    #[error("the state of saga {saga} does not allow this: {reason}")]
    NotAllowed {
        /// Id of the saga.
        saga: SagaId,
        /// Reason why it is not allowed.
        reason: String,
    },
    /// The saga kept moving while the verb was being written.
    #[error("saga {0} changed during each attempt: try again")]
    Contended(SagaId),
}

impl From<Cancelled> for SagaError {
    fn from(dropped: Cancelled) -> Self {
        Self::Store(dropped.into())
    }
}
