//! The ids, messages and effects that a trace written by hand speaks of.

use std::sync::Arc;

use bytes::Bytes;
use seaworthy_core::{
    ids::{ClaimToken, MessageId, OperationId, SagaId},
    message::{Headers, Message},
    ports::{DefinitionRef, OperationState, RowId, SagaStatus, Timestamp},
};
use uuid::Uuid;

use crate::trace::Effect;

// A saga, a claim and a message of the same number are different things.
const SAGAS: u128 = 1 << 64;
const CLAIMS: u128 = 2 << 64;

pub(super) fn row(message: &Message) -> RowId {
    RowId(message.id.0.as_u128() as u64)
}

/// Claim number `claim`.
pub fn token(claim: u64) -> ClaimToken {
    ClaimToken(Uuid::from_u128(u128::from(claim) | CLAIMS))
}

/// Saga number `saga`.
pub fn saga(saga: u64) -> SagaId {
    SagaId(Uuid::from_u128(u128::from(saga) | SAGAS))
}

/// Message number `number` of a topic and partition key.
pub fn message(number: u64, topic: &str, key: &str) -> Message {
    Message {
        id: MessageId(Uuid::from_u128(u128::from(number))),
        source: "scripted".into(),
        kind: "scripted.event".into(),
        topic: topic.into(),
        subject: key.into(),
        time: Timestamp::EPOCH,
        content_type: "application/json".into(),
        partition_key: key.into(),
        sequence: 0,
        epoch: 0,
        gap: 0,
        schedule: seaworthy_core::message::Schedule::NONE,
        correlation_id: Uuid::nil(),
        causation_id: None,
        traceparent: None,
        headers: Headers::new(),
        data: Bytes::from_static(b"{}"),
    }
}

/// A message staged in the outbox.
pub fn staged(message: &Message) -> Effect {
    Effect::Staged(Arc::new(message.clone()))
}

/// A row that a reader of the log marked as dispatched.
pub fn dispatched(message: &Message) -> Effect {
    Effect::Dispatched(message.id)
}

/// A row that a reader of the log gave up.
pub fn given_up(message: &Message) -> Effect {
    Effect::GivenUp { message: message.id, reason: "too large".into() }
}

/// A message handled by a consumer with an inbox.
pub fn handled(consumer: &str, message: &Message) -> Effect {
    Effect::Handled { consumer: consumer.into(), message: message.id }
}

/// A saga created under a business key.
pub fn created(id: u64, definition: &str, key: &str) -> Effect {
    let definition = DefinitionRef { name: definition.into(), version: 1, hash: 0 };
    Effect::SagaCreated { saga: saga(id), definition, key: key.into() }
}

/// Records appended to a saga's log, which make it `status`.
pub fn logged(id: u64, records: &[Bytes], status: SagaStatus) -> Effect {
    Effect::SagaLogged { saga: saga(id), epoch: 1, length: 0, records: records.to_vec(), status }
}

/// An operation of a participant that was carried out.
pub fn executed(id: OperationId) -> Effect {
    Effect::Operation { id, state: OperationState::Executed(Bytes::new()) }
}

/// An operation of a participant that was undone, or forbidden before it ran.
pub fn undone(id: OperationId) -> Effect {
    Effect::Operation { id, state: OperationState::Compensated }
}
