use bytes::Bytes;
use serde::de::DeserializeOwned;
use smol_str::SmolStr;
use uuid::Uuid;

use super::{State, StepError};
use crate::{
    ids::{self, Direction, MessageId, OperationId, SagaId},
    message::{Message, MessageBuilder},
    ports::{ExternalCall, Timestamp},
};

/// One attempt of a step: what it is about, and the names that stay the same when it is run again.
#[derive(Debug)]
pub struct StepCall<'a, D> {
    /// The saga's input; for a step of a nested saga, its part of it.
    pub data: &'a D,
    /// Id of the saga.
    pub saga: SagaId,
    /// Shared by all messages of the saga.
    pub correlation_id: Uuid,
    /// The saga's business key.
    pub key: &'a SmolStr,
    /// The step's path.
    pub step: &'a SmolStr,
    /// Direction in which the step is carried out.
    pub direction: Direction,
    /// `1` for the first attempt in this direction.
    pub attempt: u32,
    /// The step may have been carried out by an earlier attempt whose outcome is unknown.
    pub maybe_executed: bool,
    /// Time at which this attempt began, by the process's clock.
    pub now: Timestamp,
    /// The name by which participants know the step.
    pub(crate) operation: SmolStr,
    pub(crate) state: &'a State,
}

impl<'a, D> StepCall<'a, D> {
    /// The idempotency key of this operation: of saga, step and direction, the same for every attempt.
    pub fn operation_id(&self) -> OperationId {
        OperationId::derive(self.saga, &self.operation, self.direction)
    }

    /// The operation id of the step's action, in either direction: what a compensation has to undo.
    pub fn action_id(&self) -> OperationId {
        OperationId::derive(self.saga, &self.operation, Direction::Action)
    }

    /// The output of another step; `None` if that one is not done. Inside a nested saga, its own steps go by their
    /// own names.
    ///
    /// # Errors
    /// [`StepError::Unavailable`] if the output is not a `T`.
    pub fn output<T: DeserializeOwned>(&self, step: &str) -> Result<Option<T>, StepError> {
        self.state.output_beside(self.step, step).map(super::Value::decode).transpose()
    }

    /// Decodes the output of the action that a compensation undoes; `None` if that is in doubt.
    ///
    /// # Errors
    /// [`StepError::Unavailable`] if the output is not a `T`.
    pub fn own_output<T: DeserializeOwned>(&self) -> Result<Option<T>, StepError> {
        self.state.output(self.step).map(super::Value::decode).transpose()
    }

    /// The id of a message that this operation stages. `name` tells apart several of one operation; the same name
    /// gives the same id whenever the step is run again.
    pub fn message_id(&self, name: &str) -> MessageId {
        MessageId(ids::derive(self.operation_id().0, &["message", name]))
    }

    /// A message of this operation, with a derived id, the saga's correlation id, and `subject` as partition key; where
    /// the saga was started for a message, that is its cause and gives it its trace context; so does a request that it was
    /// [started](super::Orchestrator::start_traced_in) for. One
    /// operation may stage one message of each kind; for more, replace the id by one from
    /// [`message_id`](StepCall::message_id).
    pub fn message(&self, source: &str, kind: &str, topic: &str, subject: &str, data: Bytes) -> Message {
        MessageBuilder::new(source, kind, subject)
            .topic(topic)
            .correlation(self.correlation_id)
            .started_by(self.state.origin().map(|origin| origin.message), self.state.traceparent())
            .data(SmolStr::new_static("application/json"), data)
            .build(self.message_id(kind), self.now)
    }

    /// A call to a participant that is not ours, under this operation's id.
    pub fn external(&self, service: &str, operation: &str, body: Bytes) -> ExternalCall {
        ExternalCall { service: service.into(), operation: operation.into(), operation_id: self.operation_id(), body }
    }

    /// The same call over a part of its data.
    pub(crate) fn project<C>(&self, part: impl FnOnce(&'a D) -> &'a C) -> StepCall<'a, C> {
        StepCall {
            data: part(self.data),
            saga: self.saga,
            correlation_id: self.correlation_id,
            key: self.key,
            step: self.step,
            direction: self.direction,
            attempt: self.attempt,
            maybe_executed: self.maybe_executed,
            now: self.now,
            operation: self.operation.clone(),
            state: self.state,
        }
    }
}
