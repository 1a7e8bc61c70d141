//! What the small numbers of an action stand for.

use std::time::Duration;

use bytes::Bytes;
use seaworthy_core::{
    ids::{ClaimToken, MessageId, OperationId, SagaId},
    message::{Headers, Message},
    ports::{DefinitionRef, Expected, InboxEntry, NewSaga, SettleOutcome, Timestamp},
};
use smol_str::{SmolStr, format_smolstr};
use uuid::Uuid;

use crate::histories::action::{Expectation, Outcome};

/// Three keys, so that most messages stand behind another one. Ids fall while numbers rise: nothing may be ordered by
/// them.
pub(crate) fn message(number: u8) -> Message {
    Message {
        id: MessageId(Uuid::from_u128(1_000 - u128::from(number))),
        source: "orders".into(),
        kind: "order.confirmed".into(),
        topic: "orders".into(),
        subject: format_smolstr!("order-{number}"),
        time: Timestamp::from_millis(7),
        content_type: "application/json".into(),
        partition_key: format_smolstr!("key-{}", number % 3),
        sequence: 0,
        epoch: 0,
        gap: 0,
        schedule: seaworthy_core::message::Schedule::NONE,
        correlation_id: Uuid::from_u128(9),
        causation_id: number.is_multiple_of(2).then(|| MessageId(Uuid::from_u128(8))),
        traceparent: None,
        headers: Headers::new(),
        data: Bytes::from(vec![number]),
    }
}

/// A message as its consumer gets it; the first one has no sequence.
pub(crate) fn received(number: u8) -> Message {
    Message { sequence: number.into(), ..message(number) }
}

/// An event, of another id than any message.
pub(crate) fn event(number: u8) -> Message {
    Message { id: MessageId(Uuid::from_u128(9_000 + u128::from(number))), ..message(number) }
}

pub(crate) fn stream(number: u8) -> SmolStr {
    format_smolstr!("account-{number}")
}

pub(crate) fn consumer(number: u8) -> SmolStr {
    format_smolstr!("consumer-{number}")
}

pub(crate) fn entry(who: u8, what: u8) -> InboxEntry {
    InboxEntry::for_message(&consumer(who), &received(what))
}

pub(crate) fn document(number: u8) -> SmolStr {
    format_smolstr!("document-{number}")
}

pub(crate) fn expected(expectation: Expectation) -> Expected {
    match expectation {
        Expectation::Absent => Expected::Absent,
        Expectation::Version(version) => Expected::Version(version),
        Expectation::Any => Expected::Any,
    }
}

pub(crate) fn operation(number: u8) -> OperationId {
    OperationId(Uuid::from_u128(0x0b00 + u128::from(number)))
}

/// Ids fall while numbers rise, as for messages.
pub(crate) fn saga(number: u8) -> SagaId {
    SagaId(Uuid::from_u128(0x5a00 - u128::from(number)))
}

pub(crate) fn definition(number: u8) -> SmolStr {
    format_smolstr!("definition-{number}")
}

pub(crate) fn new_saga(id: u8, of: u8, key: u8, lease: Duration) -> NewSaga {
    NewSaga {
        id: saga(id),
        definition: DefinitionRef { name: definition(of), version: 1, hash: u64::MAX - u64::from(of) },
        key: format_smolstr!("order-{key}"),
        input: Bytes::from(vec![id, key]),
        correlation_id: Uuid::from_u128(3),
        lease,
    }
}

pub(crate) fn token(number: usize) -> ClaimToken {
    ClaimToken(Uuid::from_u128(0xc1a0_0000 + number as u128))
}

pub(crate) fn settled(outcome: Outcome) -> SettleOutcome {
    match outcome {
        Outcome::Dispatched => SettleOutcome::Dispatched,
        Outcome::Retry(delay) => SettleOutcome::Retry { delay, error: "no answer".into() },
        Outcome::Release(delay) => SettleOutcome::Release { delay },
        Outcome::Dead => SettleOutcome::Dead { reason: "too large".into() },
    }
}
